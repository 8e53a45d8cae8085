// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { startedVmm } from '../started_vmm.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

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
  it('allocates less than 1 MB in 10^6 CPUID exits', function () {
    const machine = new FastMachine();
    startedVmm([], machine);
    machine.answerFast();
    machine.low[VmcsField.ExitReason] = ExitReason.Cpuid;
    machine.low[VmcsField.VmExitInstructionLength] = 2;
    const entry = machine.entry!;
    const exits = (count: number): void => {
      for (let each = 0; each < count; each++) entry();
    };
    exits(500_000);
    const allocated: number[] = [];
    // Batches are so small that no scavenge comes between the two readings and hides the allocation.
    for (let batch = 0; batch < 20; batch++) {
      collectGarbage();
      const before = process.memoryUsage().heapUsed;
      exits(50_000);
      allocated.push(process.memoryUsage().heapUsed - before);
    }
    // Use the median batch: sometimes the engine compiles meanwhile, which is not an allocation of an exit.
    const median = allocated.sort((a, b) => a - b)[10]!;
    expect(machine.resumes).to.equal(1_500_000);
    expect(machine.low[VmcsField.GuestRip], 'RIP after so many steps of two bytes').to.equal(3_000_000);
    expect(20 * median).to.be.below(1_000_000);
  });
});
