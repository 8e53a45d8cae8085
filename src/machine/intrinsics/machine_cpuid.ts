// SPDX-License-Identifier: LGPL-2.1-only
import type { Cpuid } from '../../intrinsics/instructions/cpuid.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { slotOf } from '../vmx/vmcs/field_slots.js';
import type { Execution } from './execution.js';
import { lowHalf } from '../processor/halves.js';

const hostCr4 = slotOf(VmcsField.HostCr4);
const cr4Osxsave = 0x40000;
const osxsave = 0x8000000;

/** CPUID on the simulated processor. */
export class MachineCpuid implements Cpuid {
  constructor(private readonly execution: Execution) {}

  cpuid(leaf: number, subleaf: number, result: Uint32Array): void {
    if (!this.execution.isGuestAfterExits()) {
      this.asHost(leaf, subleaf, result);
      return;
    }
    const { registers } = this.execution;
    registers.load({ RAX: leaf, RCX: subleaf });
    this.execution.execute('cpuid');
    result.set((['RAX', 'RBX', 'RCX', 'RDX'] as const).map((name) => lowHalf(registers.get(name))));
  }

  private asHost(leaf: number, subleaf: number, result: Uint32Array): void {
    const { core, engine } = this.execution.processor;
    core.cpuid(leaf, subleaf, result);
    if (leaf !== 1 || !engine.state.resident) return;
    // OSXSAVE mirrors CR4 of the software that executes CPUID. CR4 in the processor is still the guest's.
    const hostHasIt = (engine.vmcs.low(hostCr4) & cr4Osxsave) !== 0;
    result[2] = hostHasIt ? result[2]! | osxsave : result[2]! & ~osxsave;
  }
}
