// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { RegisterFacts } from '../../intrinsics/contents/register_facts.js';

/** What the processor that the VMM runs on announces, as far as it decides what registers may hold. It never changes: each fact is asked for once. */
export interface ProcessorFacts extends RegisterFacts {
  /** Bits 31:0 that CR4 may have in VMX operation: IA32_VMX_CR4_FIXED1. */
  readonly cr4Bits: number;
}
export const ProcessorFacts = component<ProcessorFacts>('bareflank.ProcessorFacts', 'vmm');
