// SPDX-License-Identifier: LGPL-2.1-only
import type { GeneralRegisters } from '../../intrinsics/instructions/general_registers.js';
import { Layout } from '../layout/layout.js';

const count = 16;

/**
 * The register file of the processor that is loaded, seen through typed arrays. RSP's slot is the guest's, too, but a VM entry loads RSP
 * from the VMCS and ignores what was stored here.
 */
export class MachineGeneralRegisters implements GeneralRegisters {
  readonly values: BigUint64Array;
  readonly halves: Uint32Array;

  constructor(memory: ArrayBufferLike) {
    this.values = new BigUint64Array(memory, Layout.RAX, count);
    this.halves = new Uint32Array(memory, Layout.RAX, count * 2);
  }
}
