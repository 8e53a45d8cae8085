// SPDX-License-Identifier: LGPL-2.1-only
// Operands that an instruction reads or writes in parts: far pointers, pseudo-descriptors, pairs of bounds, 80-bit numbers, x87 state. The
// offset of each part is computed with the address size. With 16 bits, the part after offset FFFFH is at offset 0. The SDM does not say so;
// the processors that were measured, a Zen 4 and an Emerald Rapids, do it (test/differential).
import { SEGMENT } from "../code/record";
import { RecordField, RecordFlag } from "../generated/record_format";
import { CURRENT_RECORD } from "../generated/layout";
import { SEGMENT_CHECK } from "../state/access_kind";
import { probe } from "./access";

@inline const WRAP: u32 = 0x10000;

/** Linear base of the operand's segment. */
@inline function baseOf(record: usize): u64 { return load<u64>(SEGMENT(record)); }
@inline function isNarrow(record: usize): bool { return (load<u8>(record, RecordField.Flags) & RecordFlag.Address16) != 0; }

/** Linear address of the part that begins `by` bytes after the beginning of the memory operand at `ea`. */
export function partAddress(ea: u64, by: u32): u64 {
  const record = load<u32>(CURRENT_RECORD);
  if (!isNarrow(record)) return ea + by;
  const base = baseOf(record), offset = (<u32>(ea - base) + by) & (WRAP - 1);
  return <u64><u32>(base + offset) | (ea & SEGMENT_CHECK);
}
/** What the two parts of an 80-bit number would raise, significand first. See `probe`. */
export function probe80(ea: u64, alignment: u32, write: u32): void {
  probe(ea, 8, alignment, write);
  probe(partAddress(ea, 8), 2, 1, write);
}
/**
 * Raises what the accesses to an operand of equal parts would raise, and changes nothing. See `probe`. `bytes`: of the whole, a multiple of
 * those of a `part`.
 */
export function probeParts(ea: u64, bytes: u32, part: u32, alignment: u32, write: u32): void {
  const record = load<u32>(CURRENT_RECORD);
  let first = bytes;
  if (isNarrow(record)) {
    const below = WRAP - (<u32>(ea - baseOf(record)) & (WRAP - 1));
    // the last part that begins below the end goes beyond it
    if (below < bytes) first = (below + part - 1) / part * part;
  }
  probe(ea, first < bytes ? first : bytes, alignment, write);
  if (first < bytes) probe(partAddress(ea, first), bytes - first, 1, write);
}
