// SPDX-License-Identifier: LGPL-2.1-only
// The VMX-preemption timer. It counts down with the TSC (IA32_VMX_MISC reports rate 2^0). The core stops when the TSC reaches the deadline.
// SDM 3C "VMX-Preemption Timer". 64-bit sums are made of halves, since the exit path must not allocate.
import { Word } from './words.js';

const scale = 0x100000000;

/** Scratch of `readTsc`: low and high half. */
const tsc = new Uint32Array(2);

/** The processor's TSC now: retired instructions plus offset. */
function readTsc(u32: Uint32Array, place: number): void {
  const done = u32[Word.budgetStart + place]! - u32[Word.budget + place]!;
  const low = u32[Word.instructions + place]! + u32[Word.tscOffset + place]! + (done | 0);
  tsc[0] = low;
  tsc[1] = u32[Word.instructions + place + 1]! + u32[Word.tscOffset + place + 1]! + Math.floor(low / scale);
}

/** Starts the timer at a VM entry. */
export function startTimer(u32: Uint32Array, ticks: number): void {
  readTsc(u32, 0);
  const low = tsc[0]! + ticks;
  u32[Word.preemptionDeadline] = low;
  u32[Word.preemptionDeadline + 1] = tsc[1]! + (low >= scale ? 1 : 0);
}

/** Turns the timer off. */
export function stopTimer(u32: Uint32Array): void {
  u32[Word.preemptionDeadline] = 0xffffffff;
  u32[Word.preemptionDeadline + 1] = 0xffffffff;
}

/** The ticks that are left, 0 once the deadline has passed. @param place of the processor's block: `ProcessorBlock.place`, 0 for the loaded processor. */
export function remainingTicks(u32: Uint32Array, place = 0): number {
  readTsc(u32, place);
  const at = Word.preemptionDeadline + place;
  // The guest may have moved the TSC so that it wraps before the deadline.
  const left = ((u32[at + 1]! - tsc[1]!) | 0) * scale + (u32[at]! - tsc[0]!);
  return left > 0 ? Math.min(left, 0xffffffff) : 0;
}
