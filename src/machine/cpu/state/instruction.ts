// SPDX-License-Identifier: LGPL-2.1-only
// The instruction that is being executed: where it is, where the next one is, and what its step must know of it.
import {
  BUDGET, BUDGET_START, CODE_MASK, CURRENT_RECORD, DEBUG_TRAPS, INSTRUCTIONS, PAGE_RIP, REPEATED_AT, RIP,
} from "../generated/layout";
import { Rflags } from "../generated/architecture";
import { RecordField } from "../generated/record_format";
import { dropAccess } from "./debugger_stops";
import { abandonVisit } from "./region_visit";

@external("t", "jump") declare function tJump(v: u64): void;

/** Where the next instruction is fetched, if the current one says so. */
export let nextRip: u64 = 0;
/** True if the current instruction is a taken branch, wherever it leads. The reader clears it before the instruction. */
export let branchTaken: bool = false;
export function clearBranch(): void { branchTaken = false; }
/** A taken branch to `t` (offset in CS). */
@inline export function jump(t: u64): void { if (isDefined(TEMPLATE)) tJump(t); else { nextRip = t; branchTaken = true; } }
/** Continues at `t` without a branch: at the next instruction, or once more at this one. */
@inline export function continueAt(t: u64): void { if (isDefined(TEMPLATE)) tJump(t); else nextRip = t; }

/** RIP of the instruction that is being executed. */
export function currentRip(): u64 {
  const record = load<u32>(CURRENT_RECORD);
  return record ? (load<u64>(PAGE_RIP) + <u64>load<u16>(record, RecordField.PageOffset)) & load<u64>(CODE_MASK) : load<u64>(RIP);
}
/** Takes back the position in the current block: RIP = the current instruction, the count = the instructions before it. */
export function rewind(): void {
  const record = load<u32>(CURRENT_RECORD);
  if (!record) return;
  dropAccess();
  store<u64>(RIP, currentRip());
  const left = load<i32>(BUDGET) - (<i32>load<u8>(record, RecordField.Count) - 1);
  store<i32>(BUDGET, left);
  abandonVisit(left);
  store<u32>(CURRENT_RECORD, 0);
}
/** Length of the instruction that is being executed, 0 between two instructions. */
export function instructionLength(): u32 {
  const record = load<u32>(CURRENT_RECORD);
  return record ? load<u8>(record, RecordField.Length) : 0;
}

/** True while the processor executes exactly one instruction at a time: device accesses need not restart it. */
export let stepping: bool = false;
export function setStepping(on: bool): void { stepping = on; }
/** True after an event was delivered during the current step: it takes the place of the single-step trap. */
export let delivered: bool = false;
export function clearDelivered(): void { delivered = false; }
/** An event was delivered, or the current instruction decides about its single-step trap itself. */
export function noteDelivered(): void { delivered = true; }
/** DEBUG_TRAPS at the start of the current step, restored when the instruction does not complete. */
export let trapsBefore: u64 = 0;
export function keepTraps(): void { trapsBefore = load<u64>(DEBUG_TRAPS); }

/** Instructions retired by this processor until now. */
export function retired(): u64 {
  const record = load<u32>(CURRENT_RECORD), inBlock = record ? <i64>load<u8>(record, RecordField.Count) - 1 : 0;
  return load<u64>(INSTRUCTIONS) + <u64>(<i64>load<i32>(BUDGET_START) - <i64>load<i32>(BUDGET) + inBlock);
}

/** False after a part of a repeated instruction that does not count as an instruction. The reader clears it before the instruction. */
export let counts: bool = true;
export function clearCounts(): void { counts = true; }
/** Executes the current instruction, a repeated one with elements left, once more. `counted`: this part counts as an instruction. */
export function repeatAt(rip: u64, counted: bool): void {
  continueAt(rip);
  counts = counted;
  store<u64>(REPEATED_AT, retired() + (counted ? 2 : 1));
}
/** True at the boundary between two iterations of a repeated string instruction: the last that retired was not its last one. */
export function isRepeating(): bool {
  const at = load<u64>(REPEATED_AT);
  return at != 0 && at == retired() + 1;
}
/**
 * RF as an event between two instructions saves it: 1 between two iterations, besides what RFLAGS has.
 * SDM 3B "Instruction-Breakpoint Exception Condition".
 */
export function repetitionFlag(): u64 { return isRepeating() ? Rflags.ResumeFlag : 0; }
