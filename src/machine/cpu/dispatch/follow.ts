// SPDX-License-Identifier: LGPL-2.1-only
// How control goes from one block to the next: what the generated switch and handlers call at the end of a block.
import { isCrossing } from "../code/code_pages";
import { COUNT, cutRip, FORM, NEXT, RIP_OF } from "../code/record";
import { find } from "../decode/blocks";
import { raiseCode } from "../events/raise";
import { FORM_NEXT } from "../generated/decoder_tables";
import { GP } from "../generated/architecture";
import {
  ATTENTION, BUDGET, CS_LIMIT, CURRENT_RECORD, DECODE_CODE, DECODE_CODE64, DECODE_MODE, HANDLERS, PAGE_RIP,
  RECORD_GENERATION, RIP, STOP, STOP_INCOMPLETE, STOP_VM_EXIT,
} from "../generated/layout";
import { RecordField } from "../generated/record_format";
import { branchTaken, clearBranch, continueAt, jump } from "../state/instruction";
import { canonical } from "../translation/paging";
import { breaksAt } from "../state/debugger_stops";
import { codeLinear } from "../memory/fetch";
import { countBranch, countsBranches, looksAtBranches } from "./branch_counts";
import { visited } from "./regions";

/** Calls a block-ending form. False: the instruction did not complete (STOP says why), RIP is still its own. */
export function ending(rec: usize, form: u32): bool {
  store<u64>(RIP, cutRip(RIP_OF(rec)));
  continueAt(NEXT(rec));
  call_indirect<void>(<u32>load<u16>(HANDLERS + <usize>form * 2), rec);
  return load<u32>(STOP) < STOP_INCOMPLETE;
}

/**
 * What an instruction counts that stopped the processor before it completed: a VM exit counts nothing, the VMM's VM entry counts what it
 * emulated.
 */
@inline export function incompleteCount(): i32 { return load<u32>(STOP) == STOP_VM_EXIT ? 0 : 1; }

/** Accounts for a block whose last instruction stopped the processor before it completed. */
export function endRun(rec: usize, budget: i32): i32 {
  const left = budget - COUNT(rec) + 1 - incompleteCount();
  store<u32>(CURRENT_RECORD, 0);
  store<i32>(BUDGET, left);
  return left;
}

/**
 * True if a direct branch may go to a target: within CS's limit, canonical. SDM 2A "JMP—Jump", "Jcc—Jump if Condition Is Met", exceptions.
 */
function isInside(target: u64): bool {
  const rip = cutRip(target);
  return (load<u32>(DECODE_MODE) & DECODE_CODE) == DECODE_CODE64 ? canonical(rip) : rip <= <u64>load<u32>(CS_LIMIT);
}
/**
 * The target of a direct branch of the switch, which has no link yet. #GP(0) in the branch where it may not go: its count is taken back.
 */
export function checkedGoal(rec: usize, target: u64): u64 {
  if (!isInside(target)) {
    store<i32>(BUDGET, load<i32>(BUDGET) + COUNT(rec));
    raiseCode(GP, 0);
  }
  return target;
}
/** A direct branch of a handler. */
export function branch(target: u64): void {
  if (!isInside(target)) raiseCode(GP, 0);
  jump(target);
}

/** Counts the branch by which a block ended, if it did. Of the records that may be linked, all but NEXT are direct branches. */
function countEnding(rec: usize, rip: u64, linkable: bool): void {
  if (linkable ? FORM(rec) != FORM_NEXT : branchTaken) countBranch(cutRip(RIP_OF(rec)), rip);
  clearBranch();
}

/**
 * Goes to `goal`: the record to go on with, or 0 when `floor` is reached or something must be looked at first. Links `rec` to it when it
 * may.
 */
export function follow(rec: usize, goal: u64, linkable: bool, budget: i32, floor: i32): usize {
  const rip = cutRip(goal), page = load<u64>(PAGE_RIP), generation = load<u32>(RECORD_GENERATION);
  if (looksAtBranches()) {
    if (countsBranches()) {
      countEnding(rec, rip, linkable);
      linkable = false;
    }
    // What calls the switch looks for the breakpoint.
    if (breaksAt(codeLinear(rip))) floor = budget;
  }
  store<u64>(RIP, rip);
  store<u32>(CURRENT_RECORD, 0);
  store<i32>(BUDGET, budget);
  if (budget <= floor || (load<u32>(ATTENTION) | load<u32>(STOP))) return 0;
  const next = find(rip);
  visited(next, rip);
  if (linkable && rip - page < 4096 && !isCrossing(next) && generation == load<u32>(RECORD_GENERATION))
    store<u32>(rec, <u32>next, RecordField.Link);
  return next;
}
