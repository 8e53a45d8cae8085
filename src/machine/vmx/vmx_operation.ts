// SPDX-License-Identifier: LGPL-2.1-only
import type { MemoryWriter } from '../memory/memory_writer.js';
import type { Owner } from './vmx_state.js';

/** VMX operation, as the VMX instructions need it besides the VMCS: the mode of the processor that executes them, its memory and translations. */
export interface VmxOperation {
  /** The machine's memory as words; `offsetOf` gives the offset of a physical address in it. */
  readonly words: Uint32Array;
  /** Writes that memory. */
  readonly writer: MemoryWriter;
  readonly physicalAddressWidth: number;
  readonly cr0Low: number;
  readonly cr4Low: number;
  readonly cpl: number;
  /** IA32_FEATURE_CONTROL bits 31:0. */
  readonly featureControlLow: number;
  /** Byte offset, in the machine's memory, of a region that the executing hypervisor may use; −1 where there is none. */
  offsetOf(physicalAddress: number): number;
  /** Says who executes VMXON. That decides in which memory the structures of VMX operation may be. Outside VMX operation: `Owner.Code`. */
  setOwner(owner: Owner): void;
  /** Tells the core whether VMX operation is on. @param mode of `VmxMode`. */
  setVmxMode(mode: number): void;
  /** Drops translations of one EPT hierarchy (`eptp`, its physical address of the top table), or of all if it is −1. SDM 3C "INVEPT". */
  flushEpt(top: number): void;
  /** Drops linear translations of a VPID, or of all VPIDs but 0 if it is −1. SDM 3C "INVVPID". */
  flushVpid(vpid: number): void;
}
