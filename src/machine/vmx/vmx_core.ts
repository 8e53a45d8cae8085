// SPDX-License-Identifier: LGPL-2.1-only
import type { MemoryWriter } from '../memory/memory_writer.js';
import type { ProcessorBlock } from '../processor/processor_block.js';

/** A list of MSRs that VM entries or VM exits load. */
export type MsrArea = 'VM-entry MSR-load area' | 'VM-exit MSR-load area';

/**
 * What the VMX engine needs from the processor core: its words (`Layout`) and a few actions. `WasmCore` implements it; unit tests use an array and
 * stubs instead.
 */
export interface VmxCore {
  /** The machine's memory as 32-bit words: processor block, TLBs, guest RAM, carve-out. */
  readonly u32: Uint32Array;
  /** Writes RAM and carve-out. */
  readonly writer: MemoryWriter;
  /** Registers and state of the processor, by name. */
  readonly block: ProcessorBlock;
  /** MAXPHYADDR. */
  readonly physicalAddressWidth: number;
  /**
   * Byte offset, in the machine's memory, of a structure that VMX operation uses; −1 where there is no RAM, and in parts of the carve-out that do
   * not belong to the software that executed VMXON (CARVE_OUT_STRUCTURES).
   */
  structureOffset(physicalAddress: number): number;
  /**
   * Recomputes CPL, mode, masks, TLBs and attention after control registers, segments, RFLAGS or the VMX mode were written directly. TLB entries
   * that the architecture lets it keep across a VM entry or exit (VPID, EPTP, CR3) stay.
   */
  stateLoaded(): void;
  /** Drops all translations of guests: INVEPT, INVVPID. */
  flushGuestTlb(): void;
  /** RDMSR without a VM exit: the value is in BUS_VALUE. @returns false for #GP. */
  readMsr(address: number): boolean;
  /** WRMSR without a VM exit. @returns false for #GP. */
  writeMsr(address: number, low: number, high: number): boolean;
  /** From where MSRs are being loaded, for those who listen to `writeMsr`. */
  msrArea: MsrArea | undefined;
  /** Stores 4 or 8 bytes at a linear address of the processor that was probed for writing. */
  writeLinear(addressLow: number, addressHigh: number, low: number, high: number, size: number): void;
  /** The current instruction is done: RIP moves on by `length`, shadows of STI and MOV SS and RFLAGS.RF end, TF traps. */
  completeInstruction(length: number): void;
  /** The INTA cycle: the vector of the pending external interrupt, −1 if it has gone. */
  acknowledgeInterrupt(): number;
}
