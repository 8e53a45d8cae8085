// SPDX-License-Identifier: LGPL-2.1-only
// Which VMCS fields this processor has, as the engine knows them too (field_slots.ts). SDM 3C "VMREAD, VMWRITE, and Encodings of VMCS
// Fields".
import { EncodingBits, KIND_BITS64, KIND_READ_ONLY, SLOT_KINDS, SlotShift } from "../generated/vmcs_fields";

@inline const ALL: u64 = EncodingBits.HighAccess | EncodingBits.Index | EncodingBits.Group | EncodingBits.Width;

/** The kind of the field that an encoding names, 0 if there is none. Access to the high half alone is for 64-bit fields. */
export function kindOfField(encoding: u64): u32 {
  if (encoding & ~ALL) return 0;
  const slot = ((encoding & EncodingBits.Index) >> SlotShift.Index) | ((encoding & EncodingBits.Group) >> SlotShift.Group)
    | ((encoding & EncodingBits.Width) >> SlotShift.Width);
  const kind = <u32>load<u8>(SLOT_KINDS + <usize>slot);
  return (encoding & EncodingBits.HighAccess) != 0 && (kind & ~KIND_READ_ONLY) != KIND_BITS64 ? 0 : kind;
}
