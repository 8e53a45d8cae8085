// SPDX-License-Identifier: LGPL-2.1-only
// The record of a decoded instruction (SDM 2A "Instruction Format"), 32 bytes. Blocks are runs of records; a block's head is entered in its page's
// index. The build generates the AssemblyScript file record_format.ts from this one.

/** Bytes of a record. */
export const RECORD_BYTES = 32;

/** Offsets in a record. */
export const RecordField = {
  /** u16: number of the form. */
  Form: 0,
  /** u8: bytes of the instruction. */
  Length: 2,
  /** u8: instructions of the block up to and with this one; of a NEXT record those before it, 0 after a conditional branch. */
  Count: 3,
  /** u16: the register operands, each the address of its slot or a number. */
  SlotA: 4,
  SlotB: 6,
  /** i32: the immediate; of x87 instructions the opcode; of a REGION record the region's slot in the table. */
  Immediate: 8,
  /** u16: offset of the instruction in its page. */
  PageOffset: 12,
  SlotC: 14,
  /** i32: the displacement, the immediate's upper half, or the second immediate. */
  Displacement: 16,
  /** u16: slots of the memory operand's base and index. */
  Base: 20,
  Index: 22,
  /** u8: by how many bits the index is shifted. */
  Scale: 24,
  /** u8: RecordFlag. */
  Flags: 25,
  /** u16: slot of the base of the memory operand's segment, ZERO if it has none. */
  Segment: 26,
  /** u32: record of the branch target when that is in the same page, else 0. Of a REGION record: the block whose head it replaces. */
  Link: 28,
} as const;

/** Bytes of a page's index: its words, then a u32 for each offset in the page, the record of the head there. */
export const IndexField = {
  /** u32: the DECODE_MODE in which the page was decoded. */
  Mode: 0,
  /** u32: the page's next index, 0 for none; of an index that is free, the next free one. */
  Next: 4,
  /** u64: a bit for each piece of 64 bytes that holds decoded bytes. */
  Pieces: 8,
  /** u32: 1 = heads were replaced by compiled regions. */
  HasRegions: 16,
  Heads: 32,
} as const;

/** Bits of RecordField.Flags. The first two are for the slow path of accesses, which raises #SS because of them. The others mean that the address is more than a plain sum. */
export const RecordFlag = {
  /** The memory operand is on the stack unless a prefix says otherwise. */
  DefaultStack: 1 << 0,
  /** The instruction uses the stack by itself. */
  StackInstruction: 1 << 1,
  /** The offset is cut to 32 bits. */
  Address32: 1 << 2,
  /** The offset is cut to 16 bits. */
  Address16: 1 << 3,
  /** The segment has a base. */
  WithBase: 1 << 4,
  /** Accesses name their segment: ACCESS_SEGMENT. */
  Segmented: 1 << 5,
  /** The offset is in the immediate and its upper half. */
  Absolute: 1 << 6,
  /** The displacement counts from the next instruction, not from the page. */
  Relative: 1 << 7,
} as const;
