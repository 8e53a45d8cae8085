// SPDX-License-Identifier: LGPL-2.1-only
// What a segment allows: SDM 3A "Limit Checking", "Type Checking".
import { raiseCode } from "../events/raise";
import { AccessRights, GP, SS_FAULT, SegmentTypeBit } from "../generated/architecture";
import { ACCESS_SEGMENT, ES_BASE, ES_LIMIT, ES_RIGHTS, MODE, MODE_PROTECTED, SS } from "../generated/layout";
import { FLUSH, READ } from "../state/access_kind";

/** Limit and rights of an access whose segment is ACCESS_SEGMENT, in the modes where segments are not flat. */
export function checkSegmentAccess(ea: u64, size: u32, kind: u32): void {
  const segment = load<u32>(ACCESS_SEGMENT), rights = load<u32>(ES_RIGHTS + segment * 4), limit = load<u32>(ES_LIMIT + segment * 4);
  const offset = <u32>(ea - load<u64>(ES_BASE + segment * 8)), last = offset + size - 1;
  let bad = (rights & AccessRights.Unusable) != 0;
  if (load<u32>(MODE) & MODE_PROTECTED) {
    // code: may be read too; data: may be written too
    const reads = kind == READ || kind == FLUSH, mayBoth = (rights & SegmentTypeBit.Writable) != 0;
    if (rights & SegmentTypeBit.Code) bad = bad || !reads || (kind != FLUSH && !mayBoth);
    else bad = bad || (!reads && !mayBoth);
  }
  if ((rights & (SegmentTypeBit.Code | SegmentTypeBit.ExpandDown)) == SegmentTypeBit.ExpandDown)
    bad = bad || offset <= limit || last < offset || last > (rights & AccessRights.Db ? 0xffffffff : 0xffff);
  else bad = bad || (last < offset ? limit != 0xffffffff : last > limit);
  if (bad) raiseCode(segment == SS ? SS_FAULT : GP, 0);
}
