// SPDX-License-Identifier: LGPL-2.1-only
// Counts of taken branches, for the host. While they are on, no block links to the next one, so each taken branch comes to follow() or
// executeRecord(). While they are off, these two read one word; the linked branches of the generated switch do not even do that.
import {
  BRANCH_COUNTS, BRANCH_COUNTS_BYTES, BRANCH_FROM_HIGH, BRANCH_FROM_LOW, BRANCH_TO_HIGH, BRANCH_TO_LOW, BRANCHES_COUNTED,
  LOOKS_AT_BRANCHES,
} from "../generated/layout";

@inline const FROM_FACTOR: u64 = (<u64>BRANCH_FROM_HIGH << 32) | <u64>BRANCH_FROM_LOW;
@inline const TO_FACTOR: u64 = (<u64>BRANCH_TO_HIGH << 32) | <u64>BRANCH_TO_LOW;

/** True if something looks at each taken branch: to count it, or because it may lead to a breakpoint. */
@inline export function looksAtBranches(): bool { return load<u32>(LOOKS_AT_BRANCHES) != 0; }
/** True if taken branches are counted. */
@inline export function countsBranches(): bool { return (load<u32>(LOOKS_AT_BRANCHES) & BRANCHES_COUNTED) != 0; }
/** Counts a branch from one RIP to another at the place that both give: src/machine/branch_counts.ts has the same function. */
export function countBranch(from: u64, to: u64): void {
  const mixed = from * FROM_FACTOR ^ rotl<u64>(to * TO_FACTOR, 31);
  const at = BRANCH_COUNTS + <usize>((mixed ^ (mixed >> 32)) & (BRANCH_COUNTS_BYTES - 1));
  const count = load<u8>(at);
  if (count != 255) store<u8>(at, count + 1);
}
