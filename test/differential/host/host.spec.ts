// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { mkdtempSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { registerNumbers } from '../../../src/intrinsics/vmx/exit_information.js';
import { register, setRegister, type CaseResult } from '../cases/instruction_case.js';
import { CoreRunner } from '../core_runner.js';
import { checkSegments, findHost, referenceOrSkip } from './host.js';
import { InjectedHost } from './injected_host.js';
import { knownHosts } from './known_hosts.js';
import { NativeOracle } from './native_oracle.js';
import { NoReferenceError } from './no_reference_error.js';
import type { ReferenceProcessor } from './reference_processor.js';

const seed = 20200101;
const { rax, rbx, rcx, rdx } = registerNumbers;
const zen4 = knownHosts.find(({ name }) => name === 'Zen 4 under KVM')!.quirks;
const HYPERVISOR_PRESENT = 0x80000000n;

describe('findHost', () => {
  let core: CoreRunner;
  before(async () => {
    core = await CoreRunner.create(seed);
  });

  /** A host whose results were changed. */
  function changed(change: (result: CaseResult, leaf: bigint | undefined) => CaseResult): () => ReferenceProcessor {
    const host = new InjectedHost(zen4, core, seed);
    return () => ({
      run: (cases) =>
        cases.map((testCase) => {
          const isCpuid = testCase.instructions[0]!.semantics === 'CPUID';
          return change(host.run([testCase])[0]!, isCpuid ? register(testCase.registers, rax) : undefined);
        }),
    });
  }

  /** A host whose CPUID shows a text in a leaf. */
  function withText(at: bigint, text: string, order: readonly number[]): () => ReferenceProcessor {
    const bytes = Buffer.alloc(16);
    bytes.write(text, 'latin1');
    return changed((result, leaf) => {
      const registers = result.registers.slice();
      if (leaf === 1n) setRegister(registers, rcx, register(registers, rcx) | HYPERVISOR_PRESENT);
      if (leaf === at) order.forEach((index, i) => setRegister(registers, index, BigInt(bytes.readUInt32LE(4 * i))));
      return { ...result, registers };
    });
  }

  it('finds the quirks and the name of a processor', () => {
    const host = findHost(() => new InjectedHost(zen4, core, seed), seed);
    expect(host.quirks).to.deep.equal(zen4);
    expect(host.name).to.include({ vendor: 'AMD', hypervisor: '' });
    expect(host.name.brand).to.match(/\w/);
  });
  it('takes a processor under a hypervisor for a processor', () => {
    const host = findHost(withText(0x40000000n, 'KVMKVMKVM', [rbx, rcx, rdx]), seed);
    expect(host.name.hypervisor).to.equal('KVMKVMKVM');
  });
  it('refuses emulators', () => {
    expect(() => findHost(withText(0x40000000n, 'TCGTCGTCGTCG', [rbx, rcx, rdx]), seed)).to.throw(
      NoReferenceError,
      /emulator \(QEMU without KVM\)/,
    );
    expect(() => findHost(withText(0x80000002n, 'VirtualApple @ 2', [rax, rbx, rcx, rdx]), seed)).to.throw(
      NoReferenceError,
      /emulator \(Rosetta 2\)/,
    );
  });
  it('refuses a system whose signal frames have no vector, as some sandboxes do, and one without addresses', () => {
    expect(() =>
      findHost(
        changed((result) => ({ ...result, vector: 0 })),
        seed,
      ),
    ).to.throw(NoReferenceError, /INT3 shows vector 0, not 3/);
    expect(() =>
      findHost(
        changed((result) => ({ ...result, faultAddress: 0n })),
        seed,
      ),
    ).to.throw(NoReferenceError, /page that is not there shows faultAddress 0/);
  });
});

describe('checkSegments', () => {
  it('accepts a host with 32-bit code, and says that a kernel has none', async () => {
    const core = await CoreRunner.create(seed);
    const reference = new InjectedHost(zen4, core, seed);
    expect(() => checkSegments({ reference }, seed)).not.to.throw();
    const without: ReferenceProcessor = {
      run: () => {
        throw new NoReferenceError('the native helper died (status 1, signal -): modify_ldt: Function not implemented');
      },
    };
    expect(() => checkSegments({ reference: without }, seed)).to.throw(NoReferenceError, /modify_ldt: Function not/);
    const flat: ReferenceProcessor = {
      run: (cases) => reference.run(cases).map((result) => ({ ...result, rip: 0x11000100n })),
    };
    expect(() => checkSegments({ reference: flat }, seed)).to.throw(NoReferenceError, /no 16- and 32-bit code.*rip/);
  });
});

describe('referenceOrSkip', () => {
  const none = (): ReferenceProcessor => {
    throw new NoReferenceError('there is no processor');
  };

  it('prints one line when there is no reference', () => {
    const lines: string[] = [];
    expect(referenceOrSkip(none, 'false', (line) => lines.push(line))).to.equal(undefined);
    expect(lines).to.deep.equal(['      skipped: there is no processor\n']);
  });
  it('is an error in CI', () => {
    expect(() => referenceOrSkip(none, 'true')).to.throw(/CI must not skip it: there is no processor/);
  });
  it('does not hide other errors', () => {
    const broken = (): ReferenceProcessor => {
      throw new TypeError('a bug');
    };
    expect(() => referenceOrSkip(broken, 'false')).to.throw(TypeError, 'a bug');
  });
});

describe('NativeOracle.build', function () {
  let package_: string;
  beforeEach(function () {
    if (process.arch !== 'x64' || process.platform !== 'linux') this.skip();
    package_ = mkdtempSync(join(tmpdir(), 'bareflank-oracle-'));
    mkdirSync(join(package_, 'test/differential/native'), { recursive: true });
    writeFileSync(join(package_, 'test/differential/native/oracle.c'), 'int main(void) { return 0; }\n');
  });
  afterEach(() => {
    if (package_) rmSync(package_, { recursive: true, force: true });
  });

  it('says that there is no compiler', () => {
    expect(() => NativeOracle.build(package_, 'no-such-compiler')).to.throw(
      NoReferenceError,
      /no C compiler \(no-such-/,
    );
  });
  it('says in one line that the compiler fails', () => {
    expect(() => NativeOracle.build(package_, 'false')).to.throw(NoReferenceError, /^false does not compile [^\n]*$/);
  });
  it('leaves nothing behind when it fails', () => {
    expect(() => NativeOracle.build(package_, 'false')).to.throw(NoReferenceError);
    expect(readdirSync(join(package_, 'build/differential'))).to.deep.equal([]);
  });
});

describe('NativeOracle', () => {
  it('says that the helper dies', function () {
    if (process.platform === 'win32') this.skip();
    expect(() => new NativeOracle('false').run([], seed)).to.throw(
      NoReferenceError,
      /helper died \(status 1, signal -\)/,
    );
  });
  it('says that the helper cannot be run', () => {
    expect(() => new NativeOracle('no-such-helper').run([], seed)).to.throw(
      NoReferenceError,
      /cannot be run: spawn\S* no-such-helper E/,
    );
  });
});
