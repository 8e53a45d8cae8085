// SPDX-License-Identifier: LGPL-2.1-only
// The visit of compiled regions that is going on, for the counts that a run's report has.
import {
  LEFT_ACCESS, REGION_BUDGET, REGION_ENTRIES, REGION_INSTRUCTIONS, REGION_LEAVES, REGION_LEFT,
} from "../generated/layout";

/** A region is entered with so many instructions left. */
@inline export function beginVisit(budget: i32): void { store<i32>(REGION_BUDGET, budget); }
/** The visit has ended with so many left, for the reason in REGION_LEFT. */
@inline export function endVisit(left: i32): void {
  store<u64>(REGION_INSTRUCTIONS, load<u64>(REGION_INSTRUCTIONS) + <u64>(load<i32>(REGION_BUDGET) - left));
  store<u64>(REGION_ENTRIES, load<u64>(REGION_ENTRIES) + 1);
  const leaves = REGION_LEAVES + <usize>load<u32>(REGION_LEFT) * 8;
  store<u64>(leaves, load<u64>(leaves) + 1);
  store<i32>(REGION_BUDGET, 0);
}
/** An instruction unwinds to the host, which ends the visit if there is one: a handler that a region called has found a fault. */
export function abandonVisit(left: i32): void {
  if (load<i32>(REGION_BUDGET) == 0) return;
  store<u32>(REGION_LEFT, LEFT_ACCESS);
  endVisit(left);
}
