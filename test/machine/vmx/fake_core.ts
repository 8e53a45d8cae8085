// SPDX-License-Identifier: LGPL-2.1-only
import { Constants } from '../../../src/machine/layout/core_constants.js';
import { Layout } from '../../../src/machine/layout/layout.js';
import { Sizes } from '../../../src/machine/layout/regions.js';
import { StopReason } from '../../../src/machine/layout/stop_reason.js';
import { MemoryWriter } from '../../../src/machine/memory/memory_writer.js';
import { CoreRecords } from '../../../src/machine/processor/core_records.js';
import { ProcessorBlock } from '../../../src/machine/processor/processor_block.js';
import type { ProcessorCore } from '../../../src/machine/processor/processor_core.js';
import { vmxPowerOnState } from '../../../src/machine/vmx/vmx_power_on_state.js';
import type { MsrArea } from '../../../src/machine/vmx/vmx_core.js';
import { Word } from '../../../src/machine/vmx/words.js';

/** Bits of CR4 that the fake processor has. */
export const cr4Allowed = 0x3767ff;

/** Guest RAM of the fake machine in bytes. */
export const ramBytes = 0x100000;

/**
 * A core without a processor: memory in the real layout, MSRs in a map, and a script of what `run` does. For tests of the engine alone.
 */
export class FakeCore implements ProcessorCore {
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly u64: BigUint64Array;
  readonly writer: MemoryWriter;
  readonly block: ProcessorBlock;
  readonly records: CoreRecords;
  readonly physicalAddressWidth = 39;
  readonly msrs = new Map<number, bigint>();
  /** What happened, in order. */
  readonly calls: string[] = [];
  /** What the next calls of `run` do; the last one's result is the stop reason. */
  readonly script: (() => StopReason)[] = [];
  interrupt = -1;
  msrArea: MsrArea | undefined;

  constructor() {
    const memory = new ArrayBuffer(Layout.RAM + ramBytes + Sizes.CARVE_OUT);
    this.u8 = new Uint8Array(memory);
    this.u32 = new Uint32Array(memory);
    this.u64 = new BigUint64Array(memory);
    this.writer = new MemoryWriter(this, () => this.calls.push('memoryWritten'));
    this.block = new ProcessorBlock(this, 0, () => this.stateLoaded());
    this.records = new CoreRecords(this);
    this.block.load(vmxPowerOnState(cr4Allowed));
    this.u32[Layout.RAM_BYTES >>> 2] = ramBytes;
    // Nothing compares here: each exit looks at everything.
    this.u32[Word.coldChanged] = Constants.COLD_TABLES | Constants.COLD_CONTROLS;
  }

  load(): void {}
  processorRestored(): void {
    this.calls.push('processorRestored');
  }
  exitBetweenInstructions(reason: number): void {
    this.u32[Word.exitReason] = reason;
  }
  get instructionCount(): number {
    return this.u32[Word.instructions]!;
  }
  physicalOffset(address: number): number {
    if (address < ramBytes) return Layout.RAM + address;
    const beyond = address - Sizes.CARVE_OUT_GIB * 0x40000000;
    return beyond >= 0 && beyond < Sizes.CARVE_OUT ? Layout.RAM + ramBytes + beyond : -1;
  }
  structureOffset(address: number): number {
    const isHidden = (this.u32[Layout.CARVE_OUT_STRUCTURES / 4]! & Constants.CARVE_OUT_VMM) === 0;
    return address >= ramBytes && isHidden ? -1 : this.physicalOffset(address);
  }
  vmmOffset(address: number): number {
    return this.physicalOffset(address);
  }
  accessOffset(address: number): number {
    return this.physicalOffset(address);
  }
  stateLoaded(): void {
    this.calls.push('stateLoaded');
  }
  flushTlb(): void {
    this.calls.push('flushTlb');
  }
  flushGuestTlb(): void {
    this.calls.push('flushGuestTlb');
  }
  readMsr(address: number): boolean {
    const value = this.msrs.get(address);
    if (value === undefined) return false;
    this.u64[Layout.BUS_VALUE >>> 3] = value;
    return true;
  }
  get plainMsrs(): (readonly [number, bigint])[] {
    return [...this.msrs];
  }
  get msrValue(): bigint {
    return this.u64[Layout.BUS_VALUE >>> 3]!;
  }
  writeMsr(address: number, low: number, high: number): boolean {
    if (!this.msrs.has(address)) return false;
    this.msrs.set(address, (BigInt(high) << 32n) | BigInt(low >>> 0));
    return true;
  }
  writeLinear(addressLow: number, addressHigh: number, low: number, high: number, size: number): void {
    this.calls.push(`writeLinear ${addressHigh}:${addressLow} ${high}:${low} ${size}`);
  }
  completeInstruction(length: number): void {
    this.u32[Word.rip] = this.u32[Word.rip]! + length;
  }
  acknowledgeInterrupt(): number {
    return this.interrupt;
  }
  run(): StopReason {
    const next = this.script.shift();
    this.u32[Word.instructions] = this.u32[Word.instructions]! + 1;
    return next === undefined ? StopReason.Quantum : next();
  }
  requestStop(): void {
    this.calls.push('requestStop');
  }
  random(result: Uint32Array): void {
    result.set([1, 2]);
  }
  cpuid(leaf: number, subleaf: number, result: Uint32Array): void {
    result.set([leaf, subleaf, 0, 0]);
  }
  writeControlRegister(register: number, low: number, high: number): number {
    const word = [Word.cr0, 0, 0, Word.cr3, Word.cr4][register]!;
    this.u32[word] = low;
    this.u32[word + 1] = high;
    return -1;
  }
  xsetbv(): number {
    return -1;
  }
  loadSegment(segment: number, selector: number): number {
    this.u32[Word.selectors + segment] = selector;
    return -1;
  }
  translate(linear: bigint): number {
    return Number(linear);
  }
  portRead(): number {
    return 0xff;
  }
  portWrite(port: number, size: number, value: number): void {
    this.calls.push(`out ${port} ${size} ${value}`);
  }
  mmioRead(): number {
    return 0xffffffff;
  }
  mmioWrite(address: number, size: number, value: number): void {
    this.calls.push(`mmioWrite ${address} ${size} ${value}`);
  }
  taskPriorityRead(): number {
    return 0;
  }
}
