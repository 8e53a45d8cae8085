// SPDX-License-Identifier: LGPL-2.1-only
import type { VmcallRegisters } from '../vmm/exit/vmcall_registers.js';

/** What the VMM answered to a VMCALL that carries data. */
export interface VmcallAnswer {
  readonly registers: VmcallRegisters;
  readonly data: Uint8Array;
}
