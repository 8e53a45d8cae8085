// SPDX-License-Identifier: LGPL-2.1-only
import type { Cpuid } from '../../intrinsics/cpuid.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import { Layout } from '../layout.js';
import { slotOf } from '../vmx/field_slots.js';
import type { Execution } from './execution.js';

const [rax, rcx, rdx, rbx] = [Layout.RAX >>> 2, Layout.RCX >>> 2, Layout.RDX >>> 2, Layout.RBX >>> 2];

const hostCr4 = slotOf(VmcsField.HostCr4);
const cr4Osxsave = 0x40000;
const osxsave = 0x8000000;

/** CPUID on the simulated processor. */
export class MachineCpuid implements Cpuid {
  constructor(private readonly execution: Execution) {}

  cpuid(leaf: number, subleaf: number, result: Uint32Array): void {
    if (!this.execution.isGuest) {
      this.asHost(leaf, subleaf, result);
      return;
    }
    const { u32 } = this.execution;
    u32[rax] = leaf;
    u32[rax + 1] = 0;
    u32[rcx] = subleaf;
    u32[rcx + 1] = 0;
    this.execution.execute('cpuid');
    result[0] = u32[rax]!;
    result[1] = u32[rbx]!;
    result[2] = u32[rcx]!;
    result[3] = u32[rdx]!;
  }

  private asHost(leaf: number, subleaf: number, result: Uint32Array): void {
    const { core, engine } = this.execution.processor;
    core.cpuid(leaf, subleaf, result);
    if (leaf !== 1 || !engine.state.resident) return;
    // OSXSAVE mirrors CR4 of whoever asks, and CR4 in the processor is still the guest's.
    const hostHasIt = (engine.vmcs.low(hostCr4) & cr4Osxsave) !== 0;
    result[2] = hostHasIt ? result[2]! | osxsave : result[2]! & ~osxsave;
  }
}
