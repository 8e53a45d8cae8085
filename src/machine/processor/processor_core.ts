// SPDX-License-Identifier: LGPL-2.1-only
import type { StopReason } from '../layout/stop_reason.js';
import type { CoreRecords } from './core_records.js';
import type { VmxCore } from '../vmx/vmx_core.js';

/** The processor core as the logical processor and the intrinsics drive it. `WasmCore` is the one that executes instructions. */
export interface ProcessorCore extends VmxCore {
  readonly u8: Uint8Array;
  readonly u64: BigUint64Array;
  /** What the core records for reports. */
  readonly records: CoreRecords;
  /** Instructions retired since reset, exact between two calls. */
  readonly instructionCount: number;
  /** Byte offset of a physical address in the machine's memory, −1 where there is no RAM. */
  physicalOffset(physicalAddress: number): number;
  /** The same for a load or store of the VMM. The driver's pages exist only in the driver's context. */
  vmmOffset(physicalAddress: number): number;
  /** The same for an access of the software that runs, outside a guest with EPT. */
  accessOffset(physicalAddress: number): number;
  /** Makes this processor the one that the core executes: its words are at their addresses in `Layout`. */
  load(): void;
  /** The words and the TLBs of the loaded processor were written as a snapshot has them. Nothing is flushed. */
  processorRestored(): void;
  /** Executes at most that many instructions. Precondition: the processor is loaded. */
  run(instructions: number): StopReason;
  /** Writes down a VM exit of the guest between two instructions, for the engine to carry out. */
  exitBetweenInstructions(reason: number): void;
  /** Makes `run` return at the next boundary at which the core checks for it. */
  requestStop(): void;
  /** CPUID without a VM exit: EAX, EBX, ECX, EDX into `result`. */
  cpuid(leaf: number, subleaf: number, result: Uint32Array): void;
  /** RDRAND or RDSEED without a VM exit: a number of 64 bits into `result`, low half first. */
  random(result: Uint32Array): void;
  /** Address and value of each MSR that has no register of its own. */
  readonly plainMsrs: readonly (readonly [address: number, value: bigint])[];
  /** What the last `readMsr` read. */
  readonly msrValue: bigint;
  /** Drops the translations of the address space that the processor is in. */
  flushTlb(): void;
  /** MOV to CR0, CR3, CR4 or CR8 without a VM exit. @returns −1, or the vector of its fault. */
  writeControlRegister(register: number, low: number, high: number): number;
  /** XSETBV without a VM exit. @returns −1, or the vector of its fault. */
  xsetbv(register: number, low: number, high: number): number;
  /** MOV to a segment register, LLDT or LTR; segments in the SDM's order of encoding, 6 LDTR, 7 TR. @returns −1, or the vector of its fault. */
  loadSegment(segment: number, selector: number): number;
  /** Physical address of a linear one in the processor's present address space, for supervisor reads; −1 if there is none. */
  translate(linear: bigint): number;
  /** IN and OUT on the machine's bus. */
  portRead(port: number, size: number): number;
  portWrite(port: number, size: number, value: number): void;
  /** A load and a store in device memory. @param size 1, 2 or 4 */
  mmioRead(address: number, size: number): number;
  mmioWrite(address: number, size: number, value: number): void;
  /** Local APIC task priority, bits 7:4 of which are CR8. */
  taskPriorityRead(): number;
}
