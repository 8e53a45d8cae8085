// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bfm, ended, root, shows, startBfm } from '../bfm_process.js';
import type { BfmResult } from '../bfm_process.js';

const cpuidcount = join(root, 'extensions/hypervisor_example_cpuidcount/cpuidcount.modules');

interface Json {
  readonly outcome: string;
  readonly machine: {
    readonly exits: Record<string, number>;
    readonly instructions: number;
    readonly stateHash: string;
    readonly debugExit: number | null;
  };
  readonly extensions: Record<string, Record<string, number>>;
}

/** Flat images of a few bytes, hand-assembled. */
const images = {
  /** An interrupt table of no entries, then UD2. */
  tripleFault: [0x6a, 0x00, 0x6a, 0x00, 0x0f, 0x01, 0x1c, 0x24, 0x0f, 0x0b],
  /** JMP to itself. */
  endless: [0xeb, 0xfe, 0x00],
  /** CLI; HLT. */
  halted: [0xfa, 0xf4, 0x00],
  /** MOV DX,CF9h; MOV AL,6; OUT DX,AL; HLT. */
  reset: [0x66, 0xba, 0xf9, 0x0c, 0xb0, 0x06, 0xee, 0xf4],
  /** MOV EAX,7; OUT F4h,EAX. */
  debugExit: [0xb8, 0x07, 0x00, 0x00, 0x00, 0xe7, 0xf4, 0xf4],
};

describe('bfm run', function () {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'bfm-run-'))));
  after(() => rmSync(folder, { recursive: true }));

  const image = (name: keyof typeof images): string => {
    const path = join(folder, `${name}.bin`);
    writeFileSync(path, Uint8Array.from(images[name]));
    return path;
  };
  const extension = (name: string, code: string): string => {
    writeFileSync(join(folder, `${name}.ts`), code);
    const modules = join(folder, `${name}.modules`);
    writeFileSync(modules, JSON.stringify({ modules: [`${name}.ts`] }));
    return modules;
  };
  const handler = (body: string): string => `
    import { ExitContribution, ExitReason, vcpuModule } from 'bareflank';
    class Saboteur implements ExitContribution {
      readonly name = 'saboteur';
      readonly reasons = [ExitReason.Cpuid];
      count = 0;
      handleExit(): boolean { ${body} }
    }
    export default vcpuModule(({ bind }) => { bind(ExitContribution).to(Saboteur); });
  `;
  const json = (result: BfmResult): Json => JSON.parse(result.stdout) as Json;
  const checksum = (text: string): string => /checksum of the returned leaves: (0x[0-9a-f]{16})/.exec(text)![1]!;

  it('types at the guest what comes by a pipe, and waits for it', async () => {
    const child = startBfm(['run', '--guest', 'echo', '--timeout', '60']);
    child.stdin.write('hello');
    await shows(child, 'hello');
    child.stdin.end(Uint8Array.of(4));
    expect((await ended(child)).stderr).to.match(/the guest switched the power off/);
  });

  it('runs our own guest under modules without a guest', async () => {
    const { status, stdout } = await bfm('run', '-m', cpuidcount);
    expect([status, /hello from a guest that executes \d+ cpuids/.test(stdout)]).to.deep.equal([0, true]);
  });

  for (const count of [0, 17, 2500]) {
    it(`counts ${count} CPUIDs alike in guest, machine and extension`, async () => {
      const result = await bfm('run', '--guest', 'cpuid', '--append', String(count), '-m', cpuidcount, '--json');
      expect(result.status, result.stderr).to.equal(0);
      expect(result.stderr).to.include(`guest executed ${count} cpuids`);
      expect(json(result).outcome).to.equal('powered-off');
      expect(json(result).machine.exits.cpuid).to.equal(count);
      expect(json(result).extensions.cpuidcount!.count).to.equal(count);
    });
  }

  it("is an error of the run if the cpuid guest's command line is not a number", async () => {
    const texts = ['abc', '-1', '1e3', '18446744073709551616'];
    const check = async (text: string): Promise<void> => {
      const { status, stdout, stderr } = await bfm('run', '--guest', 'cpuid', '--append', text);
      expect(status, stderr).to.equal(1);
      expect(stdout).to.equal(
        `cpuid guest: the command line is '${text}', but it must be a decimal number of CPUIDs below 2^64 (nothing means 1000)\n`,
      );
      expect(stderr).to.include('the guest wrote 1 to the debug-exit port');
    };
    await Promise.all(texts.map(check));
  });

  it('takes the largest number', async () => {
    const { status } = await bfm(
      'run',
      '--guest',
      'cpuid',
      '--append',
      String(2n ** 64n - 1n),
      '--until',
      '51615 cpuids',
    );
    expect(status).to.equal(0);
  });

  it('runs the guest without a VMM as many instructions as under it, and to the same state each time', async () => {
    const args = ['run', '--guest', 'cpuid', '--append', '40', '--json'];
    const [bare, again, virtual] = await Promise.all([bfm(...args), bfm(...args), bfm(...args, '-m', cpuidcount)]);
    expect(json(bare).machine.exits).to.deep.equal({});
    expect(json(bare).machine).to.deep.equal(json(again).machine);
    expect(json(bare).machine.stateHash).to.match(/^[0-9a-f]{16}$/);
    // CPUID.1:ECX.VMX is hidden from a guest, and the checksum has each leaf in it.
    expect(checksum(virtual.stderr)).to.not.equal(checksum(bare.stderr));
    expect(checksum(again.stderr)).to.equal(checksum(bare.stderr));
    expect(json(virtual).machine.instructions).to.equal(json(bare).machine.instructions);
  });

  it('shows the console on stdout and the VMM, the outcome and a table on stderr', async () => {
    const { status, stdout, stderr } = await bfm('run', '--guest', 'cpuid', '--append', '3', '-m', cpuidcount);
    expect(status, stderr).to.equal(0);
    expect(stdout).to.match(/^hello from a guest.*\nchecksum.*\nguest executed 3 cpuids\n$/);
    expect(stderr).to.match(/^vmm: .*cpuid count = 3/m);
    expect(stderr).to.match(/^ {2}exits: cpuid +3$/m);
    expect(stderr, 'nothing alarming in a good run').to.not.match(/warning|error/i);
  });

  it('stops at a text, and returns 1 if the guest ends before it', async () => {
    const reached = await bfm('run', '--guest', 'cpuid', '--until', 'checksum of');
    expect([reached.status, reached.stdout.split('\n').at(-2)]).to.deep.equal([0, 'checksum of']);
    const missed = await bfm('run', '--guest', 'cpuid', '--until', 'login:');
    expect(missed.status).to.equal(1);
    expect(missed.stderr).to.include('switched the power off before "login:" appeared on its console');
  });

  it('returns 3 with a report for a guest that died', async () => {
    const [triple, halted] = await Promise.all([
      bfm('run', '--kernel', image('tripleFault')),
      bfm('run', '--kernel', image('halted')),
    ]);
    expect([triple.status, halted.status]).to.deep.equal([3, 3]);
    expect(triple.stderr)
      .to.match(/triple fault/)
      .and.to.match(/RIP 00000000002000/);
    expect(halted.stderr).to.match(/halted with interrupts off/);
  });

  it('returns 3 under the VMM too', async () => {
    const triple = await bfm('run', '--kernel', image('tripleFault'), '-m', cpuidcount);
    expect(triple.status, triple.stderr).to.equal(3);
    expect(triple.stderr).to.match(/triple.fault/i);
  });

  it('ends when the guest resets the machine, without the VMM and under it, which then stops', async () => {
    const runs = [
      ['--start', 'off'],
      ['-m', cpuidcount],
    ].map((how) => bfm('run', '--kernel', image('reset'), ...how));
    const [bare, guest] = await Promise.all(runs);
    for (const { status, stderr } of [bare!, guest!]) {
      expect(status, stderr).to.equal(0);
      expect(stderr).to.include('bfm: the guest reset the machine (port 0xcf9)');
    }
    expect(guest!.stderr).to.include('vmm: DEBUG: cpuid count = 0');
  });

  it('passes on what the guest wrote to the debug-exit port', async () => {
    const result = await bfm('run', '--kernel', image('debugExit'), '--json');
    expect(result.status).to.equal(1);
    expect([json(result).outcome, json(result).machine.debugExit]).to.deep.equal(['debug-exit', 7]);
  });

  it('returns 1 for a kernel that is a text file, and says so', async () => {
    const { status, stderr } = await bfm('run', '--kernel', join(root, 'LICENSE'));
    expect(status).to.equal(1);
    expect(stderr).to.match(/^bfm: LICENSE is a text file, not a kernel/);
  });

  it('returns 124 after the time-out', async () => {
    const { status, stderr } = await bfm('run', '--kernel', image('endless'), '--timeout', '0.1');
    expect(status).to.equal(124);
    expect(stderr)
      .to.match(/^bfm: time-out\nprocessor 0, 64-bit, outside VMX operation, CPL 0, after \d+ instructions\nRIP /m)
      .and.to.match(/^RIP 0000000000200000 /m)
      .and.to.match(/^instruction at RIP: jmp /m)
      .and.to.match(/^the guest printed nothing on its console$/m);
  });

  it('returns 130 after Ctrl-C, with the table', async () => {
    const child = startBfm(['run', '--kernel', image('endless'), '-m', cpuidcount]);
    const result = ended(child);
    await shows(child, 'vmm: ');
    child.kill('SIGINT');
    const { status, stderr } = await result;
    expect(status).to.equal(130);
    expect(stderr)
      .to.match(/^bfm: interrupted\nprocessor 0, 64-bit, VMX non-root operation, CPL 0, after \d+ instructions\nRIP /m)
      .and.to.match(/^instruction at RIP: jmp /m);
  });

  it('returns 1 if the VMM never started', async () => {
    const modules = extension(
      'refuser',
      `import { Vmcs, VmcsIntelX64, extension, vcpuModule } from 'bareflank';
       @extension() class RefusingVmcs extends VmcsIntelX64 {
         override writeFields(): void { throw new Error('not today'); }
       }
       export default vcpuModule(({ rebind }) => { rebind(Vmcs).to(RefusingVmcs); });`,
    );
    const { status, stdout, stderr } = await bfm('run', '--guest', 'cpuid', '-m', modules);
    expect(status, stderr).to.equal(1);
    expect(stderr).to.match(/^bfm: .*not today/m);
    expect(stdout).to.equal('');
  });

  it('names the handler that throws in the thousandth exit, status 3', async () => {
    const modules = extension(
      'thrower',
      handler(`if (++this.count === 1000) throw new Error('enough'); return false;`),
    );
    const { status, stderr } = await bfm('run', '--guest', 'cpuid', '--append', '2000', '-m', modules);
    expect(status, stderr).to.equal(3);
    expect(stderr).to.match(/enough/);
    expect(stderr).to.not.match(/\n\s+at /);
  });

  for (const [how, others] of [
    ['an error of VMLAUNCH', 'vmcs.cr3TargetCount.set(77n);'],
    ['an exit by the failed entry', ''],
  ] as const)
    it(`tells with --trace-vmcs where the VMM wrote last what keeps the guest from being entered: ${how}`, async () => {
      const modules = extension(
        `bad_flags_${others.length}`,
        `import { vcpuModule, VmcsContribution } from 'bareflank';
        export default vcpuModule(({ bind }) => bind(VmcsContribution).toConstantValue({
          name: 'bad', setUp(vmcs) { vmcs.vmcsLinkPointer.set(1n); ${others} } }));`,
      );
      const run = ['run', '--guest', 'cpuid', '-m', modules];
      const [plain, traced] = await Promise.all([bfm(...run), bfm(...run, '--trace-vmcs')]);
      expect([plain.status, traced.status], traced.stderr).to.deep.equal([1, 1]);
      expect(plain.stderr)
        .to.include('VMCS_LINK_POINTER (0x2800)')
        .and.include('Run it again with --trace-vmcs')
        .and.not.include('last written');
      expect(plain.stderr.indexOf('SDM 3C "VM Entries" broken'), 'the summary comes before the dump').to.be.within(
        0,
        plain.stderr.indexOf('primary_processor_based_vm_execution_controls'),
      );
      expect(traced.stderr).to.not.include('--trace-vmcs');
      expect(traced.stderr).to.match(/VMCS_LINK_POINTER \(0x2800\)[^\n]*, last written at [^\n]*bad_flags_\d+\.ts:3:/);
      if (others !== '') expect(traced.stderr).to.match(/CR3_TARGET_COUNT[^\n]*, last written at [^\n]*\.ts:3:/);
    });

  it('ends a handler that never returns, and names it and the exit, status 3', async () => {
    const modules = extension('sleeper', handler('for (;;);'));
    const { status, stderr } = await bfm('run', '--guest', 'cpuid', '-m', modules);
    expect(status, stderr).to.equal(3);
    expect(stderr).to.match(/extension saboteur did not return from exit 10 \(cpuid\)/);
  });

  it('ends a handler that does not return from the start of the VMM', async () => {
    const body = handler('for (;;);').replace('ExitReason.Cpuid', 'ExitReason.Vmcall');
    const { status, stderr } = await bfm('run', '--guest', 'cpuid', '-m', extension('start_sleeper', body));
    expect(status, stderr).to.equal(3);
    expect(stderr).to.match(/extension saboteur did not return from exit 18 \(vmcall\)/);
  });

  it('reports what the machine had counted when a handler hung, and null for what nobody can know', async () => {
    const modules = extension('late_sleeper', handler('if (++this.count === 1000) for (;;); return false;'));
    const result = await bfm('run', '--guest', 'cpuid', '--append', '2000', '-m', modules, '--json');
    expect(result.status, result.stderr).to.equal(3);
    const report = JSON.parse(result.stdout) as Json & Record<string, unknown>;
    expect(report).to.include({ outcome: 'dead', exitStatus: 3, forced: true, extensions: null });
    expect(report.machine.exits).to.deep.equal({ cpuid: 1000, vmcall: 1 });
    const alone = json(await bfm('run', '--guest', 'cpuid', '--append', '999', '-m', cpuidcount, '--json'));
    expect(report.machine.instructions).to.be.within(15_000, alone.machine.instructions);
  });

  describe("when a user's code throws", () => {
    const throwing = `
function deep(): never {
  throw new TypeError('trouble');
}`;
    const part = `import { ExitContribution, ExitReason, vcpuModule } from 'bareflank';${throwing}
class Bad implements ExitContribution {
  readonly name = 'bad';
  readonly reasons = [ExitReason.Cpuid];`;
    const end = `}
export default vcpuModule(({ bind }) => { bind(ExitContribution).to(Bad); });
`;
    const cases: [string, string, number][] = [
      ['top_level', `${throwing}\ndeep();\n`, 1],
      ['constructor', `${part}\n  constructor() { deep(); }\n  handleExit(): boolean { return false; }\n${end}`, 1],
      [
        'module_function',
        `import { vcpuModule } from 'bareflank';${throwing}\nexport default vcpuModule(() => deep());\n`,
        1,
      ],
      [
        'report',
        `import { ReportContribution, vcpuModule } from 'bareflank';${throwing}
export default vcpuModule(({ bind }) => {
  bind(ReportContribution).toConstantValue({ name: 'bad', report: () => deep() });
});\n`,
        1,
      ],
      ['handler', `${part}\n  handleExit(): boolean { return deep(); }\n${end}`, 3],
    ];
    for (const [where, code, wanted] of cases)
      it(`shows the frames of its ${where} and no others`, async () => {
        const { status, stderr } = await bfm('run', '--guest', 'cpuid', '-m', extension(`throws_in_${where}`, code));
        expect(status, stderr).to.equal(wanted);
        expect(stderr)
          .to.match(/trouble/)
          .and.not.match(/internal error/);
        const frames = stderr.match(/^(vmm: )?\s+at .*$/gm) ?? [];
        const line = code.split('\n').findIndex((text) => text.includes('throw new')) + 1;
        expect(frames[0]).to.match(new RegExp(`at deep \\(.*throws_in_${where}\\.ts:${line}:9\\)`));
        for (const frame of frames) expect(frame).to.include(`throws_in_${where}.ts`);
      });

    it('shows all frames if BFM_TRACE asks for them', async () => {
      const modules = extension('traced', cases[0]![1]);
      process.env.BFM_TRACE = '1';
      try {
        const { stderr } = await bfm('run', '--guest', 'cpuid', '-m', modules);
        expect(stderr).to.match(/at .*load_module/);
      } finally {
        delete process.env.BFM_TRACE;
      }
    });
  });

  const broken: [string, () => string, RegExp][] = [
    [
      'a module file that is not JSON',
      () => (writeFileSync(join(folder, 'bad.modules'), '{ modules'), join(folder, 'bad.modules')),
      /bad\.modules/,
    ],
    [
      'a module file that names a missing file',
      () => (writeFileSync(join(folder, 'gone.modules'), '{"modules":["gone.ts"]}'), join(folder, 'gone.modules')),
      /gone\.ts/,
    ],
    ['a syntax error in a module', () => extension('syntax', 'export default 1 +;\n'), /syntax\.ts:1:19/],
    [
      'a rebind of a symbol that is not bound',
      () =>
        extension(
          'unbound',
          `import { component, vcpuModule } from 'bareflank';
        const Nothing = component<object>('test.Nothing', 'vcpu');
        class Something {}
        export default vcpuModule(({ rebind }) => { rebind(Nothing).to(Something); });`,
        ),
      /test\.Nothing/,
    ],
  ];
  broken.push([
    'a forgotten decorator',
    () =>
      extension(
        'undecorated',
        `import { ExitHandler, ExitHandlerIntelX64, vcpuModule } from 'bareflank';
        class ForgetfulExitHandler extends ExitHandlerIntelX64 {}
        export default vcpuModule(({ rebind }) => { rebind(ExitHandler).to(ForgetfulExitHandler); });`,
      ),
    /ForgetfulExitHandler.*@extension\(\)/,
  ]);
  for (const [what, make, message] of broken) {
    it(`returns 1 and one clear message for ${what}`, async () => {
      const { status, stderr, stdout } = await bfm('run', '--guest', 'cpuid', '-m', make());
      expect(status, stderr).to.equal(1);
      expect(stderr)
        .to.match(message)
        .and.to.match(/^bfm: /m);
      expect(stderr).to.not.match(/\n\s+at /);
      expect(stdout).to.equal('');
    });
  }
});
