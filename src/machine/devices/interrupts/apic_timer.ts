// SPDX-License-Identifier: LGPL-2.1-only
import { fromHalves } from '../../processor/halves.js';
import type { EventQueue } from '../event_queue.js';
import type { Timer } from '../timer.js';

/** Modes of the timer, as bits 18:17 of its LVT entry say. */
export enum ApicTimerMode {
  OneShot = 0,
  Periodic = 1,
  TscDeadline = 2,
}

/** The state of an APIC timer, except its deadline. */
export interface ApicTimerState {
  mode: ApicTimerMode;
  initialCount: number;
  /** The divide configuration register. */
  divide: number;
  /** False until a count is written, and after a one-shot count has ended. Only a write of the initial count starts another. */
  isCounting: boolean;
  /** Virtual time at which the current count began, or would have begun with the present divider. */
  start: number;
  /** IA32_TSC_DEADLINE, bits 31:0 and 63:32; 0 while it is not armed. */
  deadlineLow: number;
  deadlineHigh: number;
}

/** The state after a reset. */
export function initialApicTimerState(): ApicTimerState {
  return {
    mode: ApicTimerMode.OneShot,
    initialCount: 0,
    divide: 0,
    isCounting: false,
    start: 0,
    deadlineLow: 0,
    deadlineHigh: 0,
  };
}

/** The clocks that drive the timer. */
export interface ApicTimerOptions {
  /** Nanoseconds of virtual time in one tick of the undivided timer clock. */
  readonly tickNanoseconds: number;
  /** The time-stamp counter minus virtual time, modulo 2^64, for the TSC-deadline mode. The default is 0. */
  readonly tscOffset?: () => bigint;
}

/** The timer of a local APIC. SDM 3A "APIC Timer". */
export class ApicTimer {
  private readonly timer: Timer;

  /**
   * @param name of its alarm in the event queue.
   * @param state gives the present state: its owner saves and replaces it.
   * @param expired called at the end of each count.
   */
  constructor(
    name: string,
    private readonly state: () => ApicTimerState,
    private readonly events: EventQueue,
    private readonly options: ApicTimerOptions,
    private readonly expired: () => void,
  ) {
    this.timer = events.timer(name, (deadline) => this.countEnded(deadline));
  }

  /** Stops counting. */
  cancel(): void {
    this.timer.cancel();
  }

  /**
   * A write of the LVT entry. A running count goes on; the mode at its end decides what follows. A count that has ended stays ended. Nothing
   * carries over between a count and a TSC deadline.
   */
  setMode(mode: ApicTimerMode): void {
    const state = this.state();
    const before = state.mode;
    if (mode === before) return;
    state.mode = mode;
    if (before !== ApicTimerMode.TscDeadline && mode !== ApicTimerMode.TscDeadline) return;
    this.timer.cancel();
    state.isCounting = false;
    state.deadlineLow = 0;
    state.deadlineHigh = 0;
    state.initialCount = 0;
  }

  /** A running count goes on from where it is, at the new rate. */
  setDivide(value: number): void {
    const state = this.state();
    const left = this.currentCount;
    state.divide = value & 0xb;
    if (left === 0) return;
    state.start = this.events.now() - (state.initialCount - left) * this.countNanoseconds();
    this.armEnd();
  }

  setInitialCount(value: number): void {
    const state = this.state();
    if (state.mode === ApicTimerMode.TscDeadline) return;
    state.initialCount = value;
    state.isCounting = value !== 0;
    state.start = this.events.now();
    if (state.isCounting) this.armEnd();
    else this.timer.cancel();
  }

  /** 0, too, for a count whose end is due but has not fired yet. */
  get currentCount(): number {
    const { isCounting, initialCount, start } = this.state();
    if (!isCounting) return 0;
    const passed = Math.floor((this.events.now() - start) / this.countNanoseconds());
    return Math.max(initialCount - passed, 0);
  }

  /** RDMSR and WRMSR of IA32_TSC_DEADLINE; 0 disarms. */
  get tscDeadline(): bigint {
    const { mode, deadlineLow, deadlineHigh } = this.state();
    return mode === ApicTimerMode.TscDeadline ? fromHalves(deadlineLow, deadlineHigh) : 0n;
  }

  set tscDeadline(value: bigint) {
    const state = this.state();
    if (state.mode !== ApicTimerMode.TscDeadline) return;
    state.deadlineLow = Number(BigInt.asUintN(32, value));
    state.deadlineHigh = Number(BigInt.asUintN(32, value >> 32n));
    this.tscMoved();
  }

  /** The time-stamp counter was written, so its deadline is now at another virtual time. The deadline is reached when the unsigned counter is not below it. */
  tscMoved(): void {
    if (this.state().mode !== ApicTimerMode.TscDeadline) return;
    const deadline = this.tscDeadline;
    if (deadline === 0n) return this.timer.cancel();
    const now = this.events.now();
    const tsc = BigInt.asUintN(64, BigInt(now) + (this.options.tscOffset?.() ?? 0n));
    this.timer.arm(deadline <= tsc ? now : now + Number(deadline - tsc));
  }

  /** Nanoseconds of one count of the divided timer. */
  private countNanoseconds(): number {
    const { divide } = this.state();
    const code = (divide & 3) | ((divide & 8) >> 1);
    const divisor = code === 7 ? 1 : 2 << code;
    return divisor * this.options.tickNanoseconds;
  }

  private armEnd(): void {
    const { initialCount, start } = this.state();
    this.timer.arm(start + initialCount * this.countNanoseconds());
  }

  private countEnded(deadline: number): void {
    const state = this.state();
    state.isCounting &&= state.mode === ApicTimerMode.Periodic;
    if (state.isCounting) {
      state.start = deadline;
      this.armEnd();
    }
    if (state.mode === ApicTimerMode.TscDeadline) {
      state.deadlineLow = 0;
      state.deadlineHigh = 0;
    }
    this.expired();
  }
}
