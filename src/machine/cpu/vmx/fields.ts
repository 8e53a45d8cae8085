// SPDX-License-Identifier: LGPL-2.1-only
// Which VMCS fields this processor has, as the engine knows them too (field_slots.ts). SDM 3C "VMREAD, VMWRITE, and Encodings of VMCS
// Fields".
import { KIND_BITS64, KIND_READ_ONLY, SLOT_KINDS } from "../generated/vmcs_fields";

/** The bits of an encoding that name a field: width (14:13), group (11:10), index as far as there are fields (5:1). Bit 0: high half. */
@inline const WIDTH: u64 = 0x6000;
@inline const GROUP: u64 = 0xc00;
@inline const INDEX: u64 = 0x3e;
@inline const HIGH: u64 = 1;

/** The kind of the field that an encoding names, 0 if there is none. Access to the high half alone is for 64-bit fields. */
export function kindOfField(encoding: u64): u32 {
  if (encoding & ~(WIDTH | GROUP | INDEX | HIGH)) return 0;
  const kind = <u32>load<u8>(SLOT_KINDS + <usize>(((encoding & INDEX) >> 1) | ((encoding & GROUP) >> 5) | ((encoding & WIDTH) >> 6)));
  return (encoding & HIGH) != 0 && (kind & ~KIND_READ_ONLY) != KIND_BITS64 ? 0 : kind;
}
