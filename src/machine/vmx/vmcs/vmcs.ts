// SPDX-License-Identifier: LGPL-2.1-only
import { STATUS_FLAGS } from '../../../intrinsics/registers/registers.js';
import { VmcsField } from '../../../intrinsics/vmcs/vmcs_fields.js';
import type { MemoryWriter } from '../../memory/memory_writer.js';
import { fromHalves } from '../../processor/halves.js';
import { slotCount, SlotKind, slotKinds, slotOf, supportedFields } from './field_slots.js';
import type { VmxArea } from './vmx_area.js';
import { Word } from '../words.js';

const { currentVmcs, launchedIn } = Word;

/** Why a slot is in the list of changes: bits of `Vmcs.changes`. */
export const Change = {
  /** Bits 31:0 have changed: the VM-entry rules that read them must run again. */
  Low: 1,
  /** The same of bits 63:32. */
  High: 2,
  /** The processor does not hold the value: the next entry must load it. */
  Load: 4,
} as const;

const slotsInOrder = supportedFields.map(slotOf);
const flagsSlot = slotOf(VmcsField.GuestRflags);

/** The size of a VMCS region in bytes, as IA32_VMX_BASIC announces it. */
export const vmcsRegionSize = 4096;

/** The VMCS revision identifier: the first word of each VMXON and VMCS region. */
export const vmcsRevision = 4;

/** Byte offsets in a region; everything but the first two words is this implementation's own. SDM 3C "Format of the VMCS Region". */
const RegionOffset = { Revision: 0, AbortIndicator: 4, LaunchState: 8, Instruction: 12, Data: 28 } as const;

/** What `VMX abort` left in a region, see `Vmcs.abort`. */
export type AbortIndicator = number;

/**
 * The engine's copy of the current VMCS: memory of the processor's own (VmxArea), which the SDM lets an implementation keep until VMCLEAR. All values are
 * 32-bit halves in typed arrays, since the exit path must not allocate. SDM 3C "Virtual Machine Control Structures".
 */
export class Vmcs {
  /** Two halves a slot: `2 * slot` is bits 31:0, `2 * slot + 1` bits 63:32. */
  readonly halves: Uint32Array;
  /** The same halves as signed numbers. */
  readonly signed: Int32Array;
  /** `Change` bits a slot; a slot with any bit is in `changedSlots`. */
  readonly changes: Uint8Array;
  readonly changedSlots = new Uint16Array(slotCount);
  /** How many slots `changedSlots` lists. */
  changedCount = 0;
  /** Whether there is a current VMCS. */
  isCurrent = false;
  /** Called before each write by software, for those who look for the last one. */
  writeListener: ((slot: number, low: number, high: number) => void) | undefined;
  /** The instruction at which the last VM exit came: 1 if it may still count as executed, its RIP in two halves, and ECX. */
  readonly instruction: Int32Array;
  private readonly unchecked: Uint8Array;

  /** @param words the machine's memory, in which the processor block says which VMCS is current. */
  constructor(
    area: VmxArea,
    private readonly words: Int32Array,
  ) {
    this.halves = area.halves;
    this.signed = area.signed;
    this.changes = area.changes;
    this.instruction = area.instruction;
    this.unchecked = area.unchecked;
    this.memoryRestored();
  }

  /** Rebuilds what is derived from the memory. */
  memoryRestored(): void {
    this.isCurrent = this.region >= 0;
    this.changedCount = 0;
    for (let slot = 0; slot < slotCount; slot++)
      if (this.changes[slot] !== 0) this.changedSlots[this.changedCount++] = slot;
  }

  /** Another VMCS became current, and no VM-entry rule has been checked yet. */
  get isUnchecked(): boolean {
    return this.unchecked[0] !== 0;
  }
  set isUnchecked(value: boolean) {
    this.unchecked[0] = value ? 1 : 0;
  }

  /** Physical address of the region, −1 if no VMCS is current. */
  get region(): number {
    return readRegion(this.words, currentVmcs);
  }
  set region(address: number) {
    writeRegion(this.words, currentVmcs, address);
    this.isCurrent = address >= 0;
  }

  /** The VMX session (VMXON to VMXOFF, counted from 1) in which it was launched; 0 is the launch state "clear". */
  get launchedIn(): number {
    return this.words[launchedIn]!;
  }
  set launchedIn(session: number) {
    this.words[launchedIn] = session;
  }

  /** Bits 31:0 of a slot, unsigned. */
  low(slot: number): number {
    return this.halves[slot << 1]!;
  }

  /** The same as a signed number, which never allocates: for tests of bits on the way of an exit. */
  bits(slot: number): number {
    return this.signed[slot << 1]!;
  }

  /** Bits 63:32 of a slot, unsigned. */
  high(slot: number): number {
    return this.halves[(slot << 1) | 1]!;
  }

  /** A field as a bigint, which allocates: for those who look at a machine. @param encoding of a field, as in `VmcsField` */
  value(encoding: number): bigint {
    const slot = slotOf(encoding);
    return fromHalves(this.low(slot), this.high(slot));
  }

  /** VMWRITE: the field's width cuts the value. */
  write(slot: number, low: number, high: number): void {
    const kind = slotKinds[slot]! & 0x7f;
    if (kind === SlotKind.Bits16) low &= 0xffff;
    if (kind === SlotKind.Bits16 || kind === SlotKind.Bits32) high = 0;
    if (this.writeListener !== undefined) this.writeListener(slot, low, high);
    const { signed } = this;
    const at = slot << 1;
    // A half that does not change concerns no rule.
    let why: number = Change.Load;
    if (concernsRules(slot, signed[at]! ^ low)) why |= Change.Low;
    if (signed[at + 1] !== (high | 0)) why |= Change.High;
    signed[at] = low;
    signed[at + 1] = high;
    this.changed(slot, why);
  }

  /** Stores what a VM exit reports; no rule reads these fields and no entry loads them. */
  report(slot: number, low: number, high: number): void {
    const at = slot << 1;
    this.halves[at] = low;
    this.halves[at + 1] = high;
  }

  /** Puts a slot into the list of changes. */
  changed(slot: number, why: number): void {
    const before = this.changes[slot]!;
    if (before === 0) this.changedSlots[this.changedCount++] = slot;
    this.changes[slot] = before | why;
  }

  /** Empties the list of changes, once their readers are done. */
  takeChanges(): void {
    for (let i = 0; i < this.changedCount; i++) this.changes[this.changedSlots[i]!] = 0;
    this.changedCount = 0;
  }

  /** Marks every field changed: nothing is known about a VMCS that just became current. */
  allChanged(): void {
    this.isUnchecked = true;
    for (const slot of slotsInOrder) this.changed(slot, Change.Low | Change.High | Change.Load);
  }

  /** Writes the copy back to the region. @param at byte offset of the region in the machine's memory. */
  store(writer: MemoryWriter, at: number): void {
    const words = new Uint32Array(slotsInOrder.length * 2);
    slotsInOrder.forEach((slot, i) => words.set(this.halves.subarray(slot << 1, (slot << 1) + 2), i << 1));
    writer.write32(at + RegionOffset.LaunchState, this.launchedIn);
    this.instruction.forEach((word, i) => writer.write32(at + RegionOffset.Instruction + 4 * i, word));
    writer.write(at + RegionOffset.Data, new Uint8Array(words.buffer));
  }

  /** Reads the copy from the region that VMPTRLD makes current. */
  load(memory: Uint32Array, at: number, region: number): void {
    const base = at >>> 2;
    this.region = region;
    this.launchedIn = memory[base + (RegionOffset.LaunchState >>> 2)]!;
    const instruction = base + (RegionOffset.Instruction >>> 2);
    this.instruction.set(memory.subarray(instruction, instruction + this.instruction.length));
    let word = base + (RegionOffset.Data >>> 2);
    for (const slot of slotsInOrder) {
      this.halves[slot << 1] = memory[word++]!;
      this.halves[(slot << 1) | 1] = memory[word++]!;
    }
    this.allChanged();
  }

  /** Stores the launch state "clear" into a region that is not current. */
  static clear(writer: MemoryWriter, at: number): void {
    writer.write32(at + RegionOffset.LaunchState, 0);
    writer.write32(at + RegionOffset.Instruction, 0);
  }

  /** Stores the VMX-abort indicator into a region. SDM 3C "VMX Aborts". */
  static abort(writer: MemoryWriter, at: number, indicator: AbortIndicator): void {
    writer.write32(at + RegionOffset.AbortIndicator, indicator);
  }
}

/**
 * Whether VM-entry rules must run again after bits 31:0 of a slot changed. The status flags concern no rule, and they differ at almost every exit:
 * some thirty rules read RFLAGS for VM, IF or TF.
 */
export function concernsRules(slot: number, changedBits: number): boolean {
  return (slot === flagsSlot ? changedBits & ~STATUS_FLAGS : changedBits) !== 0;
}

/** A word of the block that holds the physical address of a region, −1 if it is all ones: none. */
export function readRegion(words: Int32Array, word: number): number {
  const high = words[word + 1]!;
  return high < 0 ? -1 : high * 0x1_0000_0000 + (words[word]! >>> 0);
}

/** @param address physical, −1 for none. */
export function writeRegion(words: Int32Array, word: number, address: number): void {
  words[word] = address;
  words[word + 1] = Math.floor(address / 0x1_0000_0000);
}
