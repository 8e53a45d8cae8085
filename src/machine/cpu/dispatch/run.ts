// SPDX-License-Identifier: LGPL-2.1-only
// The interpreter's loop around the generated switch (hot.ts). It runs blocks of records; the outer loop, which delivers events, is CORE's execute().
// Word BUDGET holds what was left when the running block began; the instruction being executed is the block's COUNT(record)-th.
import { clearBranch, continueAt, jump, nextRip } from "../memory/access";
import { find, findOne, isCrossing } from "../decode/code";
import { hot } from "./hot";
import { fillHandlers } from "./handlers";
import { raiseCode } from "../events/interrupt";
import {
  ATTENTION, BUDGET, CS_LIMIT, CURRENT_RECORD, DECODE_CODE, DECODE_CODE64, DECODE_MODE, HANDLERS, PAGE_RIP, RECORD_GENERATION, RECORD_NEXT, RECORDS, RIP, STOP,
  STOP_INCOMPLETE, STOP_VM_EXIT,
} from "../generated/layout";
import { canonical } from "../translation/paging";
import { BLOCK, COUNT, cutRip, FORM, NEXT, RIP_OF } from "../decode/record";
import { GP } from "../generated/architecture";
import { RecordField } from "../generated/record_format";

/** Longest piece that runs without a return from `hot`: V8 replaces code only at calls, so the first calls must be short. */
@inline const SLICE: i32 = 100000;

/** Sets up the handler table and the empty record space. Once, before the first run(). */
export function initializeRun(): void {
  fillHandlers();
  store<u32>(RECORD_NEXT, <u32>RECORDS);
}

/** Calls a block-ending form. False: the instruction did not complete (STOP says why), RIP is still its own. */
export function ending(rec: usize, form: u32): bool {
  store<u64>(RIP, cutRip(RIP_OF(rec)));
  continueAt(NEXT(rec));
  call_indirect<void>(<u32>load<u16>(HANDLERS + <usize>form * 2), rec);
  return load<u32>(STOP) < STOP_INCOMPLETE;
}

/** What an instruction counts that stopped the processor before it completed: a VM exit counts nothing, the VMM's VM entry counts what it emulated. */
@inline function incompleteCount(): i32 { return load<u32>(STOP) == STOP_VM_EXIT ? 0 : 1; }

/** Accounts for a block whose last instruction stopped the processor before it completed. */
export function endRun(rec: usize, budget: i32): i32 {
  const left = budget - COUNT(rec) + 1 - incompleteCount();
  store<u32>(CURRENT_RECORD, 0);
  store<i32>(BUDGET, left);
  return left;
}

/** True if a direct branch may go to a target: within CS's limit, canonical. SDM 2A "JMP—Jump", "Jcc—Jump if Condition Is Met", exceptions. */
function isInside(target: u64): bool {
  const rip = cutRip(target);
  return (load<u32>(DECODE_MODE) & DECODE_CODE) == DECODE_CODE64 ? canonical(rip) : rip <= <u64>load<u32>(CS_LIMIT);
}
/** The target of a direct branch of the switch, which has no link yet. #GP(0) in the branch where it may not go: its count is taken back. */
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

/** Goes to `goal`: the record to go on with, or 0 when `floor` is reached or something must be looked at first. Links `rec` to it when it may. */
export function follow(rec: usize, goal: u64, linkable: bool, budget: i32, floor: i32): usize {
  const rip = cutRip(goal), page = load<u64>(PAGE_RIP), generation = load<u32>(RECORD_GENERATION);
  store<u64>(RIP, rip);
  store<u32>(CURRENT_RECORD, 0);
  store<i32>(BUDGET, budget);
  if (budget <= floor || (load<u32>(ATTENTION) | load<u32>(STOP))) return 0;
  const next = find(rip);
  if (linkable && rip - page < 4096 && !isCrossing(next) && generation == load<u32>(RECORD_GENERATION)) store<u32>(rec, <u32>next, RecordField.Link);
  return next;
}

/** Executes one record's instruction, through the handler table. BUDGET - 1, unless the instruction exits to the VMM. `branchTaken` says of it alone. */
export function executeRecord(rec: usize): void {
  const budget = load<i32>(BUDGET);
  store<u32>(CURRENT_RECORD, <u32>rec);
  clearBranch();
  const completed = ending(rec, FORM(rec));
  store<u32>(CURRENT_RECORD, 0);
  store<i32>(BUDGET, budget - (completed ? 1 : incompleteCount()));
  if (completed) store<u64>(RIP, cutRip(nextRip));
}

/** Executes exactly one instruction. BUDGET - 1. */
export function step(): void { executeRecord(findOne(load<u64>(RIP))); }

/** Runs until BUDGET is used up, STOP or ATTENTION is set. At least one block or instruction is executed. RIP and BUDGET are exact afterwards. */
export function run(): void {
  do {
    const budget = load<i32>(BUDGET);
    if (budget > BLOCK) hot(find(load<u64>(RIP)), budget, max<i32>(BLOCK, budget - SLICE));
    else step();
  } while (load<i32>(BUDGET) > 0 && (load<u32>(ATTENTION) | load<u32>(STOP)) == 0);
}
