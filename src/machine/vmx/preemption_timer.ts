// SPDX-License-Identifier: LGPL-2.1-only
// The VMX-preemption timer. It counts down when bit `timerRate` of the TSC changes. The core stops when the TSC reaches the deadline.
// SDM 3C "VMX-Preemption Timer". 64-bit sums are made of halves, since the exit path must not allocate.
import { Word } from './words.js';

/**
 * The bit of the TSC with which the timer counts, as IA32_VMX_MISC reports it. KVM uses the timer only if its 32 bits last ten seconds, which takes
 * 2 at 1 GHz. A larger number would let the few instructions of a short guest count as nothing.
 */
export const timerRate = 2;

/** Increments of the TSC for each tick of the timer. */
const period = 2 ** timerRate;

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
  const low = tsc[0]! - (tsc[0]! % period) + ticks * period;
  u32[Word.preemptionDeadline] = low;
  u32[Word.preemptionDeadline + 1] = tsc[1]! + Math.floor(low / scale);
}

/** Turns the timer off. */
export function stopTimer(u32: Uint32Array): void {
  u32[Word.preemptionDeadline] = 0xffffffff;
  u32[Word.preemptionDeadline + 1] = 0xffffffff;
}

/** Increments of the TSC until the deadline, 0 once it has passed. @param place of the processor's block: `ProcessorBlock.place`, 0 for the loaded processor. */
export function untilDeadline(u32: Uint32Array, place: number): number {
  readTsc(u32, place);
  const at = Word.preemptionDeadline + place;
  // The guest may have moved the TSC so that it wraps before the deadline.
  const left = ((u32[at + 1]! - tsc[1]!) | 0) * scale + (u32[at]! - tsc[0]!);
  return left > 0 ? left : 0;
}

/** The timer's value, of the loaded processor. */
export function remainingTicks(u32: Uint32Array): number {
  return Math.min(Math.ceil(untilDeadline(u32, 0) / period), 0xffffffff);
}
