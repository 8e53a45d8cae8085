// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../component.js';

/**
 * The general-purpose registers of the executing processor as of the last VM exit, in the SDM's order of encoding:
 * RAX RCX RDX RBX RSP RBP RSI RDI R8 … R15. The next VM entry loads what is stored here. RSP's slot is unused: the
 * guest's RSP is a VMCS field.
 */
export interface GeneralRegisters {
  /** 16 × 64 bits. */
  readonly values: BigUint64Array;
  /** The same memory as 32 × 32 bits, low half first: the exit path uses these. */
  readonly halves: Uint32Array;
}
export const GeneralRegisters = component<GeneralRegisters>('bareflank.intrinsics.GeneralRegisters', 'vmm');
