// SPDX-License-Identifier: LGPL-2.1-only
import { registerNumbers } from '../../../src/intrinsics/vmx/exit_information.js';
import type { CoreRunner } from '../core_runner.js';
import { Expectation } from './expectation.js';
import type { HostQuirks, Vendor } from './host_quirks.js';
import { register, setRegister, type CaseResult, type InstructionCase } from '../cases/instruction_case.js';
import type { ReferenceProcessor } from './reference_processor.js';

const { rax: RAX, rbx: RBX, rcx: RCX, rdx: RDX } = registerNumbers;

/** EBX, EDX and ECX of CPUID leaf 0. */
const vendorStrings: Readonly<Record<Vendor, string>> = {
  Intel: 'GenuineIntel',
  AMD: 'AuthenticAMD',
  other: 'CentaurHauls',
};

/**
 * A reference without a native processor: the core, showing the quirks that it is given. Of several possible results it shows the first, or the
 * last.
 */
export class InjectedHost implements ReferenceProcessor {
  private readonly expectation: Expectation;

  constructor(
    private readonly quirks: HostQuirks,
    private readonly core: CoreRunner,
    seed: number,
    private readonly which: 'first' | 'last' = 'first',
  ) {
    this.expectation = new Expectation(quirks, (testCase) => core.run(testCase), seed);
  }

  run(cases: readonly InstructionCase[]): CaseResult[] {
    return cases.map((testCase) => {
      const result = [...this.expectation.of(testCase, this.core.run(testCase))].at(this.which === 'first' ? 0 : -1)!;
      const isVendor = testCase.instructions[0]!.semantics === 'CPUID' && register(testCase.registers, RAX) === 0n;
      return isVendor ? { ...result, registers: this.withVendor(result.registers) } : result;
    });
  }

  private withVendor(before: Uint32Array): Uint32Array {
    const registers = before.slice();
    const text = Buffer.from(vendorStrings[this.quirks.vendor], 'latin1');
    [RBX, RDX, RCX].forEach((index, i) => setRegister(registers, index, BigInt(text.readUInt32LE(4 * i))));
    return registers;
  }
}
