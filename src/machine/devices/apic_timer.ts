// SPDX-License-Identifier: LGPL-2.1-only
import type { EventQueue } from './event_queue.js';
import type { Timer } from './timer.js';

/** Modes of the timer, as bits 18:17 of its LVT entry say. */
export enum ApicTimerMode {
  OneShot = 0,
  Periodic = 1,
  TscDeadline = 2,
}

/** All that an APIC timer remembers beside its deadline. */
export interface ApicTimerState {
  mode: ApicTimerMode;
  initialCount: number;
  /** The divide configuration register. */
  divide: number;
  /** False before a count is written, and when a one-shot count has ended: only a write of the initial count begins another. */
  isCounting: boolean;
  /** Virtual time at which the current count began, or would have begun with the present divider. */
  start: number;
  tscDeadline: number;
}

/** The state after a reset. */
export function initialApicTimerState(): ApicTimerState {
  return { mode: ApicTimerMode.OneShot, initialCount: 0, divide: 0, isCounting: false, start: 0, tscDeadline: 0 };
}

/** What the timer's clocks are. */
export interface ApicTimerOptions {
  /** Nanoseconds of virtual time in one tick of the undivided timer clock. */
  readonly tickNanoseconds: number;
  /** The time-stamp counter minus virtual time, for the TSC-deadline mode. */
  readonly tscOffset?: () => number;
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
   * A write of the LVT entry. A running count goes on, and its end goes by the mode of then; one that has ended stays ended. Between a count and a
   * TSC deadline nothing carries over.
   */
  setMode(mode: ApicTimerMode): void {
    const state = this.state();
    const before = state.mode;
    if (mode === before) return;
    state.mode = mode;
    if (before !== ApicTimerMode.TscDeadline && mode !== ApicTimerMode.TscDeadline) return;
    this.timer.cancel();
    state.isCounting = false;
    state.tscDeadline = 0;
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

  /** 0 also for a count whose end is due but has not been dealt with. */
  get currentCount(): number {
    const { isCounting, initialCount, start } = this.state();
    if (!isCounting) return 0;
    const passed = Math.floor((this.events.now() - start) / this.countNanoseconds());
    return Math.max(initialCount - passed, 0);
  }

  /** RDMSR and WRMSR of IA32_TSC_DEADLINE; 0 disarms. */
  get tscDeadline(): number {
    const { mode, tscDeadline } = this.state();
    return mode === ApicTimerMode.TscDeadline ? tscDeadline : 0;
  }

  set tscDeadline(value: number) {
    const state = this.state();
    if (state.mode !== ApicTimerMode.TscDeadline) return;
    state.tscDeadline = value;
    this.tscMoved();
  }

  /** The time-stamp counter was written: a deadline in its terms is at another moment now. */
  tscMoved(): void {
    const { mode, tscDeadline } = this.state();
    if (mode !== ApicTimerMode.TscDeadline) return;
    if (tscDeadline === 0) this.timer.cancel();
    else this.timer.arm(Math.max(tscDeadline - (this.options.tscOffset?.() ?? 0), this.events.now()));
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
    if (state.mode === ApicTimerMode.TscDeadline) state.tscDeadline = 0;
    this.expired();
  }
}
