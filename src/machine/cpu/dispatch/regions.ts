// SPDX-License-Identifier: LGPL-2.1-only
// How the interpreter enters compiled regions, and how it finds what to compile: the heads of blocks that it comes to most often. Where
// compiled code begins and ends changes speed only.
import { isCrossing } from "../code/code_pages";
import { FORM, RIP_OF } from "../code/record";
import { noteRegion } from "../code/jump_cache";
import {
  DECODE_CODE64, DECODE_MODE, HEAT, HEAT_ENTRIES, HEAT_WANTED, MOST_WANTED, RAM, TLB_FETCH, WANTED_COUNT, WANTED_LIST,
} from "../generated/layout";
import { FORM_REGION } from "../generated/decoder_tables";
import { RecordField } from "../generated/record_format";
import { beginVisit, endVisit } from "../state/region_visit";
import { looksAtBranches } from "./branch_counts";

/** What the end of a slice adds to the head at which it comes: linked loops come to no other place. A visit adds 1. */
@inline const SLICE_HEAT: u32 = 500;

/**
 * Runs the region of a REGION record. Leaves RIP exact if it executed anything.
 * @returns the budget left: unchanged if the block must be interpreted.
 */
export function enterRegion(rec: usize, budget: i32): i32 {
  if (looksAtBranches()) return budget;
  const slot = load<u32>(rec, RecordField.Immediate), rip = RIP_OF(rec);
  noteRegion(rip, slot);
  beginVisit(budget);
  const left = call_indirect<i32>(slot, budget, rip);
  endVisit(left);
  return left;
}

/** The head of a block was visited; `rip`: where it is, just found. */
@inline export function visited(rec: usize, rip: u64): void { if (load<u32>(HEAT_WANTED)) warm(rec, rip, 1); }
/** The same where a slice has ended. */
@inline export function sampled(rec: usize, rip: u64): void { if (load<u32>(HEAT_WANTED)) warm(rec, rip, SLICE_HEAT); }

function warm(rec: usize, rip: u64, heat: u32): void {
  // The code of a device is in no index, and the fetch TLB does not hold its page: another page's entry would say where it is.
  if (isCrossing(rec)) return;
  const place = HEAT + (<usize>(rec >> 5) & (HEAT_ENTRIES - 1)) * 2, before = <u32>load<u16>(place), wanted = load<u32>(HEAT_WANTED);
  // A head that finds the list full asks again at its next visit.
  if (before >= wanted || load<u32>(WANTED_COUNT) == MOST_WANTED) return;
  store<u16>(place, <u16>(before + heat));
  if (before + heat >= wanted && FORM(rec) != FORM_REGION && load<u32>(DECODE_MODE) == DECODE_CODE64) want(rip);
}
/** Asks for a region at a RIP whose page the fetch TLB holds. Precondition: the list has room. */
function want(rip: u64): void {
  const count = load<u32>(WANTED_COUNT);
  const entry = <usize>load<u32>(TLB_FETCH) + ((<usize>(rip >> 12) & 1023) << 5);
  store<u32>(WANTED_LIST + count * 4, <u32>rip + load<u32>(entry, 24) - <u32>RAM);
  store<u32>(WANTED_COUNT, count + 1);
}
