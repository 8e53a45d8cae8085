// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { RegisterFacts } from '../../intrinsics/contents/register_facts.js';

/** The facts that the VMM's processor announces and that decide what registers may hold. They never change, so each is read once. */
export interface ProcessorFacts extends RegisterFacts {
  /** Bits 31:0 that CR4 may have in VMX operation: IA32_VMX_CR4_FIXED1. */
  readonly cr4Bits: number;
}
export const ProcessorFacts = component<ProcessorFacts>('bareflank.ProcessorFacts', 'vmm');
