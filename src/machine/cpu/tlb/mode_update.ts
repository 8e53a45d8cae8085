// SPDX-License-Identifier: LGPL-2.1-only
// Derives modes, masks and TLB contexts from the control registers, RFLAGS and the segment registers. SDM 3A "Modes of
// Operation".
import { AccessRights, Rflags, Cr0, Efer, SegmentTypeBit } from "../generated/architecture";
import {
  CODE_MASK, CR0, CS, CS_RIGHTS, DECODE_CODE16, DECODE_CODE32, DECODE_CODE64, DECODE_MODE, DECODE_REAL,
  DECODE_SEGMENTED, DECODE_STACK32, DS, EFER, ES, ES_BASE, ES_LIMIT, ES_RIGHTS, FS, GS, MODE, MODE_64, MODE_LONG, MODE_PAGING,
  MODE_PROTECTED, MODE_VM86, RFLAGS_SYSTEM, SS, SS_RIGHTS, STACK_MASK,
} from "../generated/layout";
import { alignmentChecked } from "../state/mode";
import { selectContext } from "./context";

@inline const FLAT_DATA_BITS: u32 = AccessRights.Unusable | AccessRights.S | SegmentTypeBit.Code | SegmentTypeBit.ExpandDown
  | SegmentTypeBit.Writable;
@inline const READABLE_CODE: u32 = AccessRights.S | SegmentTypeBit.Code | SegmentTypeBit.Readable;
/** True for a writable data segment that covers 4 GiB upwards. */
function covers(segment: u32): bool {
  const rights = load<u32>(ES_RIGHTS + segment * 4);
  return (rights & FLAT_DATA_BITS) == (AccessRights.S | SegmentTypeBit.Writable) && load<u32>(ES_LIMIT + segment * 4) == 0xffffffff;
}
function flat(segment: u32): bool { return covers(segment) && load<u64>(ES_BASE + segment * 8) == 0; }
/** FS and GS may have a base (it is in the effective address) and may be null: see segmentAddress() of record.ts. */
function harmless(segment: u32): bool { return (load<u32>(ES_RIGHTS + segment * 4) & AccessRights.Unusable) != 0 || covers(segment); }
function codeFlat(): bool {
  return (load<u32>(CS_RIGHTS) & READABLE_CODE) == READABLE_CODE && load<u64>(ES_BASE + CS * 8) == 0
    && load<u32>(ES_LIMIT + CS * 4) == 0xffffffff;
}

/**
 * Recomputes MODE, DECODE_MODE, the masks and the TLB contexts. After every change of CR0, CR4, EFER, RFLAGS.VM or AC, CPL, or a segment
 * register.
 */
export function updateMode(): void {
  const cr0 = load<u32>(CR0), cs = load<u32>(CS_RIGHTS), long = (load<u32>(EFER) & Efer.Lma) != 0,
    vm86 = (load<u64>(RFLAGS_SYSTEM) & Rflags.Virtual8086Mode) != 0;
  const is64 = long && (cs & AccessRights.L) != 0, stack32 = (load<u32>(SS_RIGHTS) & AccessRights.Db) != 0;
  let mode: u32 = 0;
  if (cr0 & Cr0.ProtectionEnable) mode |= vm86 ? MODE_VM86 : MODE_PROTECTED;
  if (long) mode |= MODE_LONG;
  if (is64) mode |= MODE_64;
  if (cr0 & Cr0.Paging) mode |= MODE_PAGING;
  store<u32>(MODE, mode);
  let decode: u32 = is64 ? DECODE_CODE64 : (cs & AccessRights.Db) != 0 ? DECODE_CODE32 : DECODE_CODE16;
  let segmented = false;
  if (!is64) {
    if (stack32) decode |= DECODE_STACK32;
    if (!(mode & MODE_PROTECTED)) decode |= DECODE_REAL;
    segmented = !(codeFlat() && flat(SS) && flat(DS) && flat(ES) && harmless(FS) && harmless(GS));
    if (segmented) decode |= DECODE_SEGMENTED;
  }
  store<u32>(DECODE_MODE, decode);
  store<u64>(CODE_MASK, is64 ? ~(<u64>0) : 0xffffffff);
  store<u64>(STACK_MASK, is64 ? ~(<u64>0) : stack32 ? 0xffffffff : 0xffff);
  selectContext(segmented || alignmentChecked());
}
