// SPDX-License-Identifier: LGPL-2.1-only

/**
 * What the VMX engine needs of the processor core: its words (`Layout`) and a few actions. `CpuCore` satisfies it; unit tests put an
 * array and stubs in its place.
 */
export interface VmxCore {
  /** The machine's memory as 32-bit words: processor block, TLBs, guest RAM, carve-out. */
  readonly u32: Uint32Array;
  /** MAXPHYADDR. */
  readonly physicalAddressWidth: number;
  /** Byte offset of a physical address in the machine's memory, −1 where there is no RAM. */
  physicalOffset(physicalAddress: number): number;
  /** Works out CPL, mode, masks and attention anew after CR0, CR4, EFER, RFLAGS, segments or VMX words were changed by hand. */
  stateLoaded(): void;
  /** Forgets the translations of the processor's own (not a guest's) address space. */
  flushHostTlb(): void;
  /** Forgets the translations of guests: all of them, or those of one VPID or one EPT hierarchy where the core can tell them apart. */
  flushGuestTlb(): void;
  /** RDMSR without a VM exit: the value stands in BUS_VALUE. @returns false for #GP. */
  readMsr(address: number): boolean;
  /** WRMSR without a VM exit. @returns false for #GP. */
  writeMsr(address: number, low: number, high: number): boolean;
  /** The INTA cycle: the vector of the pending external interrupt, −1 if it has gone. */
  acknowledgeInterrupt(): number;
}
