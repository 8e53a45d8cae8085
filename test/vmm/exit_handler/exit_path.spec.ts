// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { leastAllocation } from '../../support/least_allocation.js';
import { startedVmm } from '../started_vmm.js';

/** So small that no scavenge hides what a piece allocates. */
const piece = 50_000;
const mostPieces = 60;

/** A machine whose exit path works on typed arrays, as the real ones do: what is measured is the VMM's own. */
class FastMachine extends FakeMachine {
  readonly low = new Uint32Array(0x8000);
  readonly high = new Uint32Array(0x8000);
  resumes = 0;

  constructor() {
    super();
    const { low, high } = this;
    Object.assign(this.vmx, {
      vmreadLow: (field: number) => low[field]!,
      vmreadHigh: (field: number) => high[field]!,
      vmwriteHalves: (field: number, lowHalf: number, highHalf: number) => {
        low[field] = lowHalf;
        high[field] = highHalf;
        return true;
      },
      vmresume: () => {
        this.resumes++;
        return true;
      },
    });
  }

  /** From now on CPUID answers without touching a map. */
  answerFast(): void {
    Object.assign(this.cpuid, {
      cpuid: (leaf: number, _subleaf: number, result: Uint32Array) => {
        result[0] = leaf ^ 0x5a;
        result[1] = 1;
        result[2] = 2;
        result[3] = 3;
      },
    });
  }
}

describe('The exit path', () => {
  it('allocates nothing at a CPUID exit', () => {
    const machine = new FastMachine();
    startedVmm([], machine);
    machine.answerFast();
    machine.low[VmcsField.ExitReason] = ExitReason.Cpuid;
    machine.low[VmcsField.VmExitInstructionLength] = 2;
    const entry = machine.entry!;
    let exits = 0;
    const bytesAnExit = leastAllocation(() => {
      if (exits === mostPieces * piece) return undefined;
      for (let each = 0; each < piece; each++) entry();
      exits += piece;
      return piece;
    });
    expect(machine.resumes).to.equal(exits);
    expect(machine.low[VmcsField.GuestRip], 'RIP after so many steps of two bytes').to.equal(2 * exits);
    expect(bytesAnExit).to.be.below(1);
  });
});
