// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { temporaryFolder } from '../driver/node/temporary_folder.js';

type Verdict = (code: number | null, debugExit: number | null | undefined, failures: number) => string;

const { verdict } = (await import(new URL('../../../scripts/kvm_unit_tests/verdict.mjs', import.meta.url).href)) as {
  verdict: Verdict;
};

interface Suite {
  readonly file: string;
  readonly args: string;
  readonly processors: number;
  readonly memory: number;
  readonly testDevice: boolean;
  readonly cpu?: string;
  readonly subtests?: readonly string[];
}

const { readSuites } = (await import(new URL('../../../scripts/kvm_unit_tests/suites.mjs', import.meta.url).href)) as {
  readSuites: (folder: string) => ReadonlyMap<string, Suite>;
};

const configuration = `
[smap]
file = smap.flat

[x2apic]
file = apic.flat
smp = 2

[svm]
file = svm.flat
qemu_params = -cpu max,+svm -m 4g

[vmx]
file = vmx.flat
test_args = "-init_test -ept_access*"

[ept]
file = vmx.flat
test_args = "ept_access*"
qemu_params = -cpu max,host-phys-bits,+vmx -m 2560

[init]
file = vmx.flat
smp = 2
test_args = init_test
`;

const table = `
	{ "not in the table", CPU_HLT },
struct vmx_test vmx_tests[] = {
	{ "I/O bitmap", iobmp_init, iobmp_main },
	/* a comment */
	{ "nmi_hlt", nmi_hlt_init },
	TEST(init_test),
	TEST(ept_access_test_read),
	{ NULL, NULL },
};
`;

describe('The verdict on a suite of kvm-unit-tests', () => {
  const cases: [string, Parameters<Verdict>, string][] = [
    ['0 and no FAIL line', [0, 0, 0], 'PASS'],
    ['0 and a FAIL line', [0, 0, 1], 'FAIL'],
    ['1, the status of a failed suite', [1, 1, 0], 'FAIL'],
    ['38, which is 77 shifted', [38, 38, 0], 'SKIP'],
    ['63, which is 127 shifted', [63, 63, 0], 'ABORT'],
    ['77, which no suite writes for "skipped"', [77, 77, 0], 'FAIL'],
    ['nothing, and the time is over', [124, null, 0], 'TIMEOUT'],
    ['nothing, and the machine is dead', [3, null, 0], 'DEAD'],
    ['nothing, and there is no report', [1, undefined, 0], 'ERROR'],
  ];
  for (const [what, outcome, expected] of cases) {
    it(`is ${expected} for ${what}`, () => {
      expect(verdict(...outcome)).to.equal(expected);
    });
  }
});

describe('The suites of kvm-unit-tests', () => {
  const folder = temporaryFolder();
  let suites: ReadonlyMap<string, Suite>;

  beforeEach(() => {
    folder.write('x86/unittests.cfg', configuration);
    folder.write('x86/vmx_tests.c', table);
    suites = readSuites(folder.path);
  });

  it('have 512 MiB and one processor unless the configuration says otherwise', () => {
    expect(suites.get('smap')).to.include({ file: 'smap.flat', args: '', memory: 512, processors: 1 });
    expect(suites.get('init')).to.include({ file: 'vmx.flat', args: 'init_test', memory: 512, processors: 2 });
    expect(suites.get('ept')).to.include({ memory: 2560, processors: 1 });
  });

  it('have gibibytes if the configuration says so, but not more than a machine can have', () => {
    expect(suites.get('svm')).to.include({ memory: 3072 });
  });

  it('are told of the test device, unless they would make a hypercall of KVM then', () => {
    expect(suites.get('smap')).to.include({ testDevice: true });
    expect(suites.get('x2apic')).to.include({ testDevice: false, processors: 2 });
  });

  it('include each subtest of vmx.flat, by the name that its command line wants', () => {
    expect(suites.get('vmx')!.subtests).to.deep.equal(['I/O_bitmap', 'nmi_hlt', 'init_test', 'ept_access_test_read']);
    expect(suites.get('I/O_bitmap')).to.include({ file: 'vmx.flat', args: 'I/O_bitmap', memory: 512, processors: 1 });
  });

  it('give a subtest the memory and the processors of the suite that names it', () => {
    expect(suites.get('init_test')).to.include({ args: 'init_test', processors: 2 });
    expect(suites.get('nmi_hlt'), 'it skips itself on one').to.include({ processors: 2 });
    expect(suites.get('ept_access_test_read')).to.include({ args: 'ept_access_test_read', memory: 2560 });
  });

  it('ask for the model with many physical-address bits where the configuration asks for those of the host', () => {
    expect(suites.get('ept_access_test_read')!.cpu).to.equal('cascadelake-server');
    expect(suites.get('init_test')!.cpu).to.equal(undefined);
  });
});
