// SPDX-License-Identifier: LGPL-2.1-only
import type { Cpuid } from '../../intrinsics/cpuid.js';
import { Layout } from '../layout.js';
import type { Execution } from './execution.js';

const [rax, rcx, rdx, rbx] = [Layout.RAX >>> 2, Layout.RCX >>> 2, Layout.RDX >>> 2, Layout.RBX >>> 2];

/** CPUID on the simulated processor. */
export class MachineCpuid implements Cpuid {
  constructor(private readonly execution: Execution) {}

  cpuid(leaf: number, subleaf: number, result: Uint32Array): void {
    if (!this.execution.isGuest) {
      this.execution.processor.core.cpuid(leaf, subleaf, result);
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
}
