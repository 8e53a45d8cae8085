// SPDX-License-Identifier: LGPL-2.1-only
import { Vector } from '../../intrinsics/vmx/exit_information.js';
import type { AbsentPages } from '../memory/absent_pages.js';
import type { DeviceRam } from '../memory/guest_ram.js';
import type { MsrArea } from '../vmx/vmx_core.js';
import type { MemoryWriter } from '../memory/memory_writer.js';
import type { CoreBus } from './core_bus.js';
import type { ProcessorCore } from './processor_core.js';
import { Constants } from '../layout/core_constants.js';
import { Layout } from '../layout/layout.js';
import { MODEL_ENTRY_BYTES, MsrEntry } from '../layout/model_tables.js';
import { Sizes } from '../layout/regions.js';
import { StopReason } from '../layout/stop_reason.js';
import type { ProcessorModel } from '../models/processor_model.js';
import { skylakeClient } from '../models/skylake_client.js';
import { withProcessors } from '../models/topology.js';
import type { CoreExports } from './core_exports.js';
import { unwind, type MsrListener } from './core_imports.js';
import { CoreInstance, type CoreInstanceOptions } from './core_instance.js';
import { CoreRecords } from './core_records.js';
import { msrTable, writeMachineWords } from './machine_words.js';
import { powerOn } from './power_on_state.js';
import { ProcessorBlock } from './processor_block.js';

/** The options of a core. */
export interface WasmCoreOptions extends CoreInstanceOptions {
  /** Default: `skylakeClient`. */
  readonly model?: ProcessorModel;
  /** How many processors the machine has: 1, or up to Sizes.MAX_PROCESSORS. */
  readonly processors?: number;
}

/** Kind of access for `translate`. */
export type AccessKind = 'read' | 'write' | 'fetch';
const accessKinds: Readonly<Record<AccessKind, number>> = { read: 0, write: 1, fetch: 4 };

const highWord = 0x1_0000_0000;

/** Indexes of the words that every call of `run` or access of a device touches. V8 is slow at look-ups in an object as large as `Layout`. */
const Hot = {
  budgetStart: Layout.BUDGET_START / 4,
  budget: Layout.BUDGET / 4,
  stop: Layout.STOP / 4,
  instructions: Layout.INSTRUCTIONS / 4,
  currentRecord: Layout.CURRENT_RECORD / 4,
  scratch: Layout.SCRATCH / 4,
  attention: Layout.ATTENTION / 4,
  processor: Layout.PROCESSOR_ID / 4,
} as const;

/**
 * A processor of a machine, and the machine's memory. All architectural state is in `Layout`'s words, which may be read and written between two calls
 * of `run`. Code that writes words of control registers, segments or RFLAGS directly must call `stateLoaded` afterwards.
 *
 * Of several processors, one is loaded, and `Layout`'s words are its own. Code that acts on a processor's words or executes instructions calls `load`
 * first; what is due at any time (pins, `requestStop`, the count of instructions) finds the words of a parked processor by itself.
 */
export class WasmCore implements ProcessorCore {
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly u64: BigUint64Array;
  readonly model: ProcessorModel;
  readonly bus: CoreBus;
  readonly memory: WebAssembly.Memory;
  /** The core's table of functions. */
  readonly table: WebAssembly.Table;
  /** Guest RAM and the VMM's carve-out behind it, in bytes. */
  readonly physicalBytes: number;
  /** Guest RAM from physical address 0, to read. */
  readonly ram: Uint8Array;
  /** Writes RAM and carve-out for the machine. */
  readonly writer: MemoryWriter;
  /** Writes RAM for loaders and devices. */
  readonly guestRam: DeviceRam;
  /** Guest RAM and carve-out. */
  readonly physicalWords: Uint32Array;
  /** One byte for each page of RAM and carve-out: 1 = written since it was last cleared. */
  readonly dirtyPages: Uint8Array;
  /** The pages of RAM whose contents are still to come. */
  readonly absentPages: AbsentPages;
  /** Registers and state of the processor, by name. */
  readonly block: ProcessorBlock;
  /** What the core records for reports. */
  readonly records: CoreRecords;
  msrArea: MsrArea | undefined;
  private readonly exports: CoreExports;

  private constructor(
    options: WasmCoreOptions & { readonly model: ProcessorModel },
    private readonly instance: CoreInstance,
    readonly id: number,
  ) {
    this.model = options.model;
    this.bus = options.bus;
    ({
      memory: this.memory,
      table: this.table,
      exports: this.exports,
      u8: this.u8,
      u32: this.u32,
      u64: this.u64,
      physicalBytes: this.physicalBytes,
      dirtyPages: this.dirtyPages,
      absentPages: this.absentPages,
      writer: this.writer,
      guestRam: this.guestRam,
    } = instance);
    this.ram = this.u8.subarray(Layout.RAM, Layout.RAM + options.memoryBytes);
    this.physicalWords = this.u32.subarray(Layout.RAM / 4, (Layout.RAM + this.physicalBytes) / 4);
    this.block = new ProcessorBlock(this, id, () => this.stateLoaded());
    this.records = new CoreRecords(this);
  }

  /** Makes a core in its power-on state. @throws RangeError if the memory size is not possible, MemoryError if the system does not give it. */
  static async create(options: WasmCoreOptions): Promise<WasmCore> {
    return WasmCore.createSync(options);
  }

  /** The same, synchronously. */
  static createSync(options: WasmCoreOptions): WasmCore {
    return WasmCore.createAll(options)[0]!;
  }

  /** Makes all processors of a machine, in their power-on state. The first one is loaded. @throws as `create`, and RangeError for a number of processors that is not possible. */
  static createAll(options: WasmCoreOptions): readonly WasmCore[] {
    const { memoryBytes, processors = 1 } = options;
    if (!Number.isInteger(processors) || processors < 1 || processors > Sizes.MAX_PROCESSORS)
      throw new RangeError(`${processors} processors: wanted 1 to ${Sizes.MAX_PROCESSORS}`);
    const model = withProcessors(options.model ?? skylakeClient, processors);
    const instance = new CoreInstance(options);
    writeMachineWords(instance, { memoryBytes, model, processors });
    const all = Array.from({ length: processors }, (_, id) => new WasmCore({ ...options, model }, instance, id));
    for (const core of all) core.reset();
    all[0]!.load();
    return all;
  }

  /** MAXPHYADDR. */
  get physicalAddressWidth(): number {
    return this.model.physicalAddressBits;
  }
  /** Bits that CR4 may have. */
  get cr4Allowed(): number {
    return this.model.cr4Allowed;
  }
  get crystalHz(): number {
    return this.model.crystalHz;
  }

  /** Makes this processor the one that the core executes, whose words are at their addresses in `Layout`. Nothing is flushed. */
  load(): void {
    if (this.u32[Hot.processor] !== this.id) this.exports.loadProcessor(this.id);
  }

  // ---- running --------------------------------------------------------------------------------------------------------------------

  /** Precondition: the processor is loaded. Executes at most that many instructions (a block may not be cut: RIP and the count are exact). @returns why it stopped. */
  run(instructions: number): StopReason {
    const { u32, exports } = this;
    u32[Hot.budgetStart] = instructions;
    u32[Hot.budget] = instructions;
    u32[Hot.stop] = 0;
    for (;;) {
      try {
        exports.execute();
        break;
      } catch (error) {
        if (error !== unwind) throw error;
      }
    }
    this.addInstructions((u32[Hot.budgetStart]! - u32[Hot.budget]!) | 0);
    return u32[Hot.stop]!;
  }

  /** Executes one instruction, or delivers the event that comes before it. */
  step(): StopReason {
    return this.run(1);
  }

  private addInstructions(count: number): void {
    const at = Hot.instructions;
    const low = this.u32[at]! + count;
    this.u32[at] = low;
    if (low >= highWord) this.u32[at + 1] = this.u32[at + 1]! + 1;
    this.u32[Hot.budgetStart] = 0;
    this.u32[Hot.budget] = 0;
  }

  /** Instructions retired since power-on; exact also inside calls of the bus. */
  get instructionCount(): number {
    const { u32 } = this;
    const { place } = this.block;
    const at = Hot.instructions + place;
    const record = u32[Hot.currentRecord + place]!;
    const inBlock = record === 0 ? 0 : this.u8[record + 3]! - 1;
    const begun = (u32[Hot.budgetStart + place]! - u32[Hot.budget + place]!) | 0;
    return u32[at + 1]! * highWord + u32[at]! + begun + inBlock;
  }

  /** IA32_TIME_STAMP_COUNTER − `instructionCount`, signed. */
  get tscOffset(): bigint {
    return BigInt.asIntN(64, this.block.get('TSC_OFFSET'));
  }

  /** Ends `run` at the next boundary at which the core checks for it: the end of a block that ends in a system instruction, or of the budget. */
  requestStop(): void {
    this.attend(Constants.ATTENTION_STOP);
  }

  private attend(bit: number): void {
    const at = Hot.attention + this.block.place;
    this.u32[at] = this.u32[at]! | bit;
  }

  /** Writes down a VM exit of the guest between two instructions, for the engine to carry out. */
  exitBetweenInstructions(reason: number): void {
    this.exports.exitBetweenInstructions(reason);
  }

  // ---- pins -----------------------------------------------------------------------------------------------------------------------

  /** The level of the maskable interrupt pin. May be called inside bus calls. */
  setInterruptPending(pending: boolean): void {
    if (pending) return this.attend(Constants.ATTENTION_INTERRUPT);
    const at = Hot.attention + this.block.place;
    this.u32[at] = this.u32[at]! & ~Constants.ATTENTION_INTERRUPT;
  }
  /** An NMI arrives. */
  nmi(): void {
    this.attend(Constants.ATTENTION_NMI);
  }
  /** An INIT signal arrives. */
  init(): void {
    this.attend(Constants.ATTENTION_INIT);
  }
  /** A start-up IPI arrives: its vector is the page of the first instruction. */
  startUp(page: number): void {
    this.block.set('SIPI_VECTOR', page);
    this.attend(Constants.ATTENTION_SIPI);
  }
  /** The INTA cycle. */
  acknowledgeInterrupt(): number {
    return this.bus.acknowledgeInterrupt();
  }
  portRead(port: number, size: number): number {
    return this.bus.portRead(port, size);
  }
  portWrite(port: number, size: number, value: number): void {
    this.bus.portWrite(port, size, value);
  }
  /** A load from device memory. */
  mmioRead(address: number, size: number): number {
    return this.bus.mmioRead(address, size);
  }
  /** A store to device memory. */
  mmioWrite(address: number, size: number, value: number): void {
    this.bus.mmioWrite(address, size, value);
  }
  taskPriorityRead(): number {
    return this.bus.taskPriorityRead();
  }

  // ---- state by hand ----------------------------------------------------------------------------------------------------------------

  /** Power-on again; memory stays. */
  reset(): void {
    this.load();
    powerOn(this.block, this.model);
    this.exports.initialize();
  }
  /** Control registers, segments, RFLAGS, CPL or the VMX mode were written directly: recomputes everything that depends on them. */
  stateLoaded(): void {
    this.exports.stateLoaded();
  }
  /** The words and the TLBs of the loaded processor were written as a snapshot has them. Nothing is flushed. */
  processorRestored(): void {
    this.exports.processorRestored();
  }
  /** Bytes of a page of RAM have changed: forgets what was decoded there. */
  codeWritten(offset: number, size: number): void {
    this.exports.codeWritten(offset, size);
  }
  /** Memory was replaced: forgets all decoded code. */
  flushCode(): void {
    this.exports.flushCode();
  }
  /** Drops all translations of the address space that is in use. */
  flushTlb(): void {
    this.exports.flushTlb();
  }
  /** Drops all translations of guests: INVEPT, INVVPID. */
  flushGuestTlb(): void {
    this.exports.flushGuestTlb();
  }
  /** Watchpoints were set or taken away: recomputes which accesses of the loaded processor take the slow path. */
  watchpointsChanged(): void {
    this.exports.updateMode();
  }
  /** Hears of each write to RAM or carve-out that no processor's instruction makes: of devices, loaders, the VMX engine, the VMM. Offsets begin at RAM. */
  set writeListener(listener: ((offset: number, size: number) => void) | undefined) {
    this.instance.writeListener = listener;
  }
  /** The listener hears of each write of an MSR on any processor, refused ones excepted; undefined: of none. Set it between two runs. */
  watchMsr(address: number, listener: MsrListener | undefined): void {
    this.u32[Layout.WATCHED_MSR / 4] = listener === undefined ? 0 : address + 1;
    this.instance.msrListener = listener;
  }
  /** The dirty map was cleared: from now on the core marks writes again. */
  dirtyCleared(): void {
    this.exports.watchWrites();
  }
  /** Takes the marks of written pages away, from a page on. @returns the pages, in order, until the next call; none if there are no more */
  takeWritten(from: number): Uint32Array {
    const at = Layout.WRITTEN_LIST / 4;
    return this.u32.subarray(at, at + this.exports.takeWritten(from));
  }
  /** How often taken branches were taken, by the place of each: cpu/dispatch/branch_counts.ts. */
  get branchCounts(): Uint8Array {
    return this.u8.subarray(Layout.BRANCH_COUNTS, Layout.BRANCH_COUNTS + Sizes.BRANCH_COUNTS);
  }
  /** Whether taken branches are counted. Set it between two runs. */
  get countsBranches(): boolean {
    return (this.u32[Layout.LOOKS_AT_BRANCHES / 4]! & Constants.BRANCHES_COUNTED) !== 0;
  }
  set countsBranches(on: boolean) {
    const { u32 } = this;
    const at = Layout.LOOKS_AT_BRANCHES / 4;
    u32[at] = on ? u32[at]! | Constants.BRANCHES_COUNTED : u32[at]! & ~Constants.BRANCHES_COUNTED;
    // Blocks that were decoded before may be linked.
    if (on) this.flushCode();
  }
  /** Byte offset of a physical address in the machine's memory, −1 where there is no RAM: for the machine itself, which reaches all of it. */
  physicalOffset(physicalAddress: number): number {
    return this.instance.offsetIn(physicalAddress, Constants.CARVE_OUT_VMM | Constants.CARVE_OUT_DRIVER);
  }
  /** The same for a structure of VMX operation: −1 in a part of the carve-out that does not belong to the software that executed VMXON. */
  structureOffset(physicalAddress: number): number {
    return this.instance.offsetIn(physicalAddress, this.u32[Layout.CARVE_OUT_STRUCTURES / 4]!);
  }
  /** The same for a load or store of the VMM. The driver's pages exist only in the driver's context. */
  vmmOffset(physicalAddress: number): number {
    return this.instance.offsetIn(physicalAddress, Constants.CARVE_OUT_VMM | this.u32[Layout.CARVE_OUT_ACCESS / 4]!);
  }

  /** The same for an access of the software that runs, outside a guest with EPT. */
  accessOffset(physicalAddress: number): number {
    return this.instance.offsetIn(physicalAddress, this.u32[Layout.CARVE_OUT_ACCESS / 4]!);
  }

  /** Physical address of a linear one in the present address space, −1 if there is none; nothing changes. */
  translate(linear: bigint, kind: AccessKind = 'read', user = false): number {
    const physical = BigInt.asUintN(64, this.exports.translateQuietly(linear, accessKinds[kind], user ? 1 : 0));
    return physical === 0xffffffffffffffffn ? -1 : Number(physical);
  }

  // ---- for the run-time compiler, and for tests of the decoder and the templates --------------------------------------------------------

  /** Decodes up to 15 bytes at an offset of the memory into a record (cpu/code/record.ts). `mode`: DECODE_MODE; `pageOffset`: the offset in a page at which the code is assumed to be. */
  decodeRecord(record: number, code: number, pageOffset: number, mode: number): void {
    this.exports.decodeInstruction(record, code, 15, 0, pageOffset, mode);
  }
  /** Executes a record's instruction by its handler. @returns false when it faulted: the event waits in the FAULT words. */
  executeRecord(record: number): boolean {
    try {
      this.exports.executeRecord(record);
      return true;
    } catch (error) {
      if (error !== unwind) throw error;
      return false;
    }
  }

  // ---- for the VMX engine and the intrinsics: no VM exits ------------------------------------------------------------------------------

  /** RDMSR: the value is in BUS_VALUE. @returns false for #GP. */
  readMsr(address: number): boolean {
    return this.exports.readMsr(address) !== 0;
  }
  /** Address and value of each MSR that has no register of its own. */
  get plainMsrs(): readonly (readonly [address: number, value: bigint])[] {
    const at = (i: number): number => msrTable(this.id) + i * MODEL_ENTRY_BYTES + MsrEntry.Value;
    return this.model.msrs.map(({ address }, i) => [address, this.u64[at(i) / 8]!] as const);
  }
  /** What the last `readMsr` read. */
  get msrValue(): bigint {
    return this.u64[Layout.BUS_VALUE / 8]!;
  }
  /** WRMSR. @returns false for #GP. */
  writeMsr(address: number, low: number, high: number): boolean {
    return this.exports.writeMsrHalves(address, low, high) !== 0;
  }
  /** CPUID: EAX, EBX, ECX, EDX into `result`. */
  cpuid(leaf: number, subleaf: number, result: Uint32Array): void {
    this.exports.cpuidStore(leaf, subleaf);
    for (let n = 0; n < 4; n++) result[n] = this.u32[Hot.scratch + n]!;
  }
  /** RDRAND or RDSEED, which never run dry: a number of 64 bits into `result`, low half first. */
  random(result: Uint32Array): void {
    this.exports.randomStore();
    for (let n = 0; n < 2; n++) result[n] = this.u32[Hot.scratch + n]!;
  }
  /** MOV to CR0, CR3, CR4 or CR8. @returns −1, or the vector of its fault. */
  writeControlRegister(register: number, low: number, high: number): number {
    try {
      this.exports.writeControlRegister(register, low, high);
      return -1;
    } catch (error) {
      return this.vectorOf(error);
    }
  }
  /** XSETBV. @returns −1, or the vector of its fault. */
  xsetbv(register: number, low: number, high: number): number {
    return this.exports.writeXcrHalves(register, low, high) !== 0 ? -1 : Vector.GeneralProtection;
  }
  /** MOV to ES … GS (0–5), LLDT (6), LTR (7). @returns −1, or the vector of its fault. */
  loadSegment(segment: number, selector: number): number {
    try {
      this.exports.loadSegmentRegister(segment, selector);
      return -1;
    } catch (error) {
      return this.vectorOf(error);
    }
  }
  /** Stores 4 or 8 bytes at a linear address that was probed for writing. */
  writeLinear(addressLow: number, addressHigh: number, low: number, high: number, size: number): void {
    this.exports.writeLinearHalves(addressLow, addressHigh, low, high, size);
  }
  /** The instruction at RIP was performed by the engine. */
  completeInstruction(length: number): void {
    this.exports.completeInstruction(length);
  }

  /** The vector of an exception that the core has raised; nothing waits afterwards. */
  private vectorOf(error: unknown): number {
    if (error !== unwind) throw error;
    this.block.set('FAULT_PENDING', 0);
    return this.block.get('FAULT_VECTOR');
  }
}
