// SPDX-License-Identifier: LGPL-2.1-only
/**
 * What the processor core asks the machine around it to do. WebAssembly calls it, so implementations are the machine's own device code, never users'
 * code, and must not call back into the core. I/O and MMIO instructions end their block: the instruction count is exact during a call.
 */
export interface CoreBus {
  /** IN. @param size 1, 2 or 4 bytes. @returns the value, zero-extended; all ones if nothing answers. */
  portRead(port: number, size: number): number;
  /** OUT. @param size 1, 2 or 4 bytes. */
  portWrite(port: number, size: number, value: number): void;
  /** Reads device memory; called once for each naturally aligned piece. @param address physical, < 2^53. @param size 1, 2, 4. @returns the value; all ones if nothing answers. */
  mmioRead(address: number, size: number): number;
  /** Writes device memory. @param size 1, 2, 4. */
  mmioWrite(address: number, size: number, value: number): void;
  /** INTA cycle of the processor: the vector of the highest-priority pending interrupt (it becomes in service), −1 if it has gone. */
  acknowledgeInterrupt(): number;
  /**
   * The processor's FERR# pin changes, for software that handles x87 errors in the MS-DOS way (CR0.NE = 0). @returns whether the machine asserts
   * IGNNE#. The processor then goes on despite the error; otherwise it waits for an interrupt. Without this method it goes on.
   */
  numericError?(asserted: boolean): boolean;
  /** INIT has put the processor into its state after INIT; so must be its local APIC. */
  initialized?(): void;
  /** Task priority (bits 7:0) of the processor's local APIC: CR8 is its bits 7:4. */
  taskPriorityRead(): number;
  /** MOV to CR8: the new task priority, bits 7:0. */
  taskPriorityWrite(value: number): void;
  /** RDMSR of the MSRs that the local APIC owns (IA32_APIC_BASE is the core's; x2APIC 800H–8FFH, IA32_TSC_DEADLINE). @returns bits 31:0 and 63:32 by `msrHigh`; `undefined` raises #GP(0). */
  msrRead(index: number): number | undefined;
  /** Bits 63:32 of the last `msrRead`. */
  msrHigh(): number;
  /** WRMSR of the MSRs above, and notice of a change of IA32_APIC_BASE and IA32_TSC_ADJUST/TIME_STAMP_COUNTER. @returns false raises #GP(0). */
  msrWrite(index: number, low: number, high: number): boolean;
}
