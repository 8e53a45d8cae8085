// SPDX-License-Identifier: LGPL-2.1-only
import { component } from './component.js';

/**
 * The general-purpose registers of the executing processor as they stood at the last VM exit, in the SDM's order of encoding:
 * RAX RCX RDX RBX RSP RBP RSI RDI R8 … R15. What is stored here is in the registers at the next VM entry. RSP's slot is unused: the
 * guest's RSP is a VMCS field.
 */
export interface GeneralRegisters {
  /** 16 × 64 bits. */
  readonly values: BigUint64Array;
  /** The same memory as 32 × 32 bits, low half first: the exit path uses these. */
  readonly halves: Uint32Array;
}
export const GeneralRegisters = component<GeneralRegisters>('bareflank.intrinsics.GeneralRegisters', 'vmm');
