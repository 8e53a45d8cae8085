// SPDX-License-Identifier: LGPL-2.1-only
// The interpreter's loop around the generated switch (hot.ts). It runs blocks of records; the outer loop, which delivers events, is CORE's
// execute().
// Word BUDGET holds what was left when the running block began; the instruction being executed is the block's COUNT(record)-th.
import { hot } from "./hot";
import { fillHandlers } from "./handlers";
import { ATTENTION, BUDGET, CURRENT_RECORD, EXECUTE_RECORD, RECORD_NEXT, RECORDS, RIP, STOP } from "../generated/layout";
import { BLOCK, cutRip, FORM, RIP_OF } from "../code/record";
import { find, findOne, isBlockWithin } from "../decode/blocks";
import { countBranch, countsBranches, looksAtBranches } from "./branch_counts";
import { stopsAtBreakpoint } from "./breakpoint_stop";
import { ending, incompleteCount } from "./follow";
import { sampled } from "./regions";
import { branchTaken, clearBranch, clearCounts, counts, nextRip } from "../state/instruction";

/**
 * Longest piece that is interpreted without a return from `hot`: V8 replaces code only at calls, so the first calls must be short. Where
 * it ends shows what is hot. It is less than half of the shortest turn, so that each turn shows something.
 */
@inline const SLICE: i32 = 4000;

/** Sets up the handler table and the empty record space. Once, before the first run(). */
export function initializeRun(): void {
  fillHandlers();
  store<u32>(EXECUTE_RECORD, <u32>executeRecord.index);
  store<u32>(RECORD_NEXT, <u32>RECORDS);
}

/**
 * Executes one record's instruction, through the handler table. BUDGET - 1, unless the instruction exits to the VMM or the
 * VMM's step cuts it. `branchTaken` says of it alone.
 */
export function executeRecord(rec: usize): void {
  const budget = load<i32>(BUDGET);
  store<u32>(CURRENT_RECORD, <u32>rec);
  clearBranch();
  clearCounts();
  const completed = ending(rec, FORM(rec));
  store<u32>(CURRENT_RECORD, 0);
  store<i32>(BUDGET, budget - (completed ? (counts ? 1 : 0) : incompleteCount()));
  if (!completed) return;
  const rip = cutRip(nextRip);
  if (countsBranches() && branchTaken) countBranch(cutRip(RIP_OF(rec)), rip);
  store<u64>(RIP, rip);
}

/** Executes a block that the end of a budget has room for, or one instruction, which takes longer by far. */
function runShort(budget: i32): void {
  const rec = findOne(load<u64>(RIP));
  if (isBlockWithin(rec, budget)) hot(rec, budget, budget - 1); else executeRecord(rec);
}

/** Executes exactly one instruction. BUDGET - 1. */
export function step(): void { executeRecord(findOne(load<u64>(RIP))); }

/**
 * Runs until BUDGET is used up, STOP or ATTENTION is set. At least one block or instruction is executed. RIP and BUDGET are exact
 * afterwards.
 */
export function run(): void {
  let isFirst = true;
  do {
    if (looksAtBranches() && stopsAtBreakpoint()) return;
    const budget = load<i32>(BUDGET);
    // What the last instruction did, or an event, is no branch of the next block.
    clearBranch();
    if (budget > BLOCK) {
      const rip = load<u64>(RIP), head = find(rip);
      // A turn begins anywhere, also in the middle of a block.
      if (!isFirst) sampled(head, rip);
      isFirst = false;
      hot(head, budget, max<i32>(BLOCK, budget - SLICE));
    } else runShort(budget);
  } while (load<i32>(BUDGET) > 0 && (load<u32>(ATTENTION) | load<u32>(STOP)) == 0);
}
