// SPDX-License-Identifier: LGPL-2.1-only
// A decoded instruction (SDM Volume 2 "Instruction Format"): 32 bytes. Blocks are runs of records; a block's head is entered in its page's
// index (code_pages.ts).
//   u16 form @0, u8 length @2, u8 index in block @3 (1-based; of a NEXT record: instructions before it, 0 after a conditional branch),
//   u16 slots a @4, b @6, c @14, i32 immediate @8 (x87: the opcode), u16 page offset @12, i32 displacement (or the immediate's upper half,
//   or the second immediate) @16, u16 base slot @20, u16 index slot @22, u8 scale @24, u8 flags @25, u16 segment base slot @26,
//   u32 link @28: record of the branch target when that is in the same page
import { ACCESS_SEGMENT, CODE_MASK, CS, DECODE_CODE, DECODE_CODE64, DECODE_MODE, ES_BASE, ES_RIGHTS, PAGE_RIP } from "../generated/layout";
import { SEGMENT_CHECK } from "../state/access_kind";
import { AccessRights } from "../generated/architecture";
import { RecordFlag, RecordField } from "../generated/record_format";

/** More than the instructions of the longest block: a budget of this much has room for one. */
@inline export const BLOCK: i32 = 64;

@inline const SPECIAL: u32 = RecordFlag.Address32 | RecordFlag.Address16 | RecordFlag.WithBase | RecordFlag.Segmented | RecordFlag.Absolute
  | RecordFlag.Relative;

/** Number of the form. */
@inline export function FORM(rec: usize): u32 { return load<u16>(rec); }
/** Length in bytes. */
@inline export function LENGTH(rec: usize): u32 { return load<u8>(rec, RecordField.Length); }
/** Instructions of the block up to and with this one. */
@inline export function COUNT(rec: usize): i32 { return <i32>load<u8>(rec, RecordField.Count); }
/** First register operand: slot, or number. */
@inline export function SLOT_A(rec: usize): u32 { return load<u16>(rec, RecordField.SlotA); }
/** Second register operand. */
@inline export function SLOT_B(rec: usize): u32 { return load<u16>(rec, RecordField.SlotB); }
/** Third register operand. */
@inline export function SLOT_C(rec: usize): u32 { return load<u16>(rec, RecordField.SlotC); }
/** Immediate, sign-extended. */
@inline export function IMMEDIATE(rec: usize): i64 { return <i64>load<i32>(rec, RecordField.Immediate); }
/** Second immediate (ENTER), or the selector of a far pointer. */
@inline export function IMMEDIATE2(rec: usize): i64 { return <i64>load<i32>(rec, RecordField.Displacement); }
/** Immediate of 64 bits (MOV r64, imm64). */
@inline export function IMMEDIATE64(rec: usize): i64 {
  return <i64>(<u64>load<u32>(rec, RecordField.Immediate) | (<u64>load<u32>(rec, RecordField.Displacement) << 32));
}
/** Slot of the base of the memory operand's segment, ZERO if it has none. */
@inline export function SEGMENT(rec: usize): u32 { return load<u16>(rec, RecordField.Segment); }
/** x87: the low three bits of the first opcode byte, and the ModRM byte. SDM 1 "Last Instruction Opcode". */
@inline export function X87_OPCODE_OF(rec: usize): u32 { return load<u32>(rec, RecordField.Immediate); }
/** Record of the branch target, 0 if not known or in another page. */
@inline export function LINK(rec: usize): usize { return load<u32>(rec, RecordField.Link); }
/** RIP of the instruction. */
@inline export function RIP_OF(rec: usize): u64 { return load<u64>(PAGE_RIP) + <u64>load<u16>(rec, RecordField.PageOffset); }
/** RIP of the next instruction, not yet cut to the width of RIP. */
@inline export function NEXT(rec: usize): u64 { return RIP_OF(rec) + <u64>load<u8>(rec, RecordField.Length); }
/** RIP of the branch target, not yet cut to the width of RIP. */
@inline export function TARGET(rec: usize): u64 { return NEXT(rec) + <u64><i64>load<i32>(rec, RecordField.Immediate); }
/** RIP of the target of a branch with an operand size of 16 bits. */
@inline export function TARGET16(rec: usize): u64 { return TARGET(rec) & 0xffff; }

/** Linear address of the memory operand. */
@inline export function ADDRESS(rec: usize): u64 {
  const ea = load<u64>(load<u16>(rec, RecordField.Base)) + <u64><i64>load<i32>(rec, RecordField.Displacement)
    + (load<u64>(load<u16>(rec, RecordField.Index)) << load<u8>(rec, RecordField.Scale));
  if (load<u8>(rec, RecordField.Flags) & SPECIAL) return specialAddress(rec, ea);
  return ea;
}

/** The rest of ADDRESS where it is more than base + index × scale + displacement of 64 bits. */
function specialAddress(rec: usize, sum: u64): u64 {
  const flags = load<u8>(rec, RecordField.Flags);
  let ea = flags & RecordFlag.Absolute ? <u64>IMMEDIATE64(rec) : sum;
  if (flags & RecordFlag.Relative) ea += <u64>load<u16>(rec, RecordField.PageOffset) + <u64>load<u8>(rec, RecordField.Length);
  if (flags & RecordFlag.Address32) ea = <u64><u32>ea;
  else if (flags & RecordFlag.Address16) ea = <u64><u16>ea;
  if (!(flags & (RecordFlag.WithBase | RecordFlag.Segmented))) return ea;
  const slot = SEGMENT(rec);
  return (load<u32>(DECODE_MODE) & DECODE_CODE) == DECODE_CODE64 ? load<u64>(slot) + ea : segmentAddress(slot, ea);
}

/**
 * Linear address of an offset in a segment (slot: its base's) outside 64-bit mode. The access checks limit and rights, so that what makes
 * none does not fault. Flat segments need no check, but the code segment is not writable, and FS and GS are null in most 32-bit programs:
 * SEGMENT_CHECK.
 */
export function segmentAddress(slot: u32, offset: u64): u64 {
  const segment = (slot - <u32>ES_BASE) >> 3, ea = <u64><u32>(load<u64>(slot) + offset);
  store<u32>(ACCESS_SEGMENT, segment);
  return segment == CS || (load<u32>(ES_RIGHTS + segment * 4) & AccessRights.Unusable) != 0 ? ea | SEGMENT_CHECK : ea;
}
/** The linear address of an operand that is reported, but not accessed: without SEGMENT_CHECK. */
export function reportedAddress(ea: u64): u64 { return (load<u32>(DECODE_MODE) & DECODE_CODE) == DECODE_CODE64 ? ea : <u64><u32>ea; }

/** Offset in the memory operand's segment of a linear address in the operand. */
export function OFFSET_OF(rec: usize, linear: u64): u64 {
  const offset = linear - load<u64>(SEGMENT(rec));
  return (load<u32>(DECODE_MODE) & DECODE_CODE) == DECODE_CODE64 ? offset : <u64><u32>offset;
}

/** RIP cut to the width that the code segment gives it. */
@inline export function cutRip(rip: u64): u64 { return rip & load<u64>(CODE_MASK); }
