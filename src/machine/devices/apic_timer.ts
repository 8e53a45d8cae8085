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
  /** Virtual time at which the current count began. */
  start: number;
  tscDeadline: number;
}

/** The state after a reset. */
export function initialApicTimerState(): ApicTimerState {
  return { mode: ApicTimerMode.OneShot, initialCount: 0, divide: 0, start: 0, tscDeadline: 0 };
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

  /** A write of the LVT entry. Between a count and a TSC deadline nothing carries over. */
  setMode(mode: ApicTimerMode): void {
    const state = this.state();
    const before = state.mode;
    if (mode === before) return;
    state.mode = mode;
    if (before !== ApicTimerMode.TscDeadline && mode !== ApicTimerMode.TscDeadline) return this.rearm();
    this.timer.cancel();
    state.tscDeadline = 0;
    state.initialCount = 0;
  }

  setDivide(value: number): void {
    this.state().divide = value & 0xb;
    this.rearm();
  }

  setInitialCount(value: number): void {
    const state = this.state();
    if (state.mode === ApicTimerMode.TscDeadline) return;
    state.initialCount = value;
    state.start = this.events.now();
    this.rearm();
  }

  get currentCount(): number {
    const { mode, initialCount, start } = this.state();
    if (initialCount === 0 || mode === ApicTimerMode.TscDeadline) return 0;
    const passed = Math.floor((this.events.now() - start) / this.countNanoseconds());
    if (mode === ApicTimerMode.Periodic) return initialCount - (passed % initialCount);
    return passed >= initialCount ? 0 : initialCount - passed;
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

  private rearm(): void {
    const { mode, initialCount, start } = this.state();
    if (mode === ApicTimerMode.TscDeadline) return;
    if (initialCount === 0) return this.timer.cancel();
    const length = initialCount * this.countNanoseconds();
    const passed = this.events.now() - start;
    if (passed < length) this.timer.arm(start + length);
    else if (mode === ApicTimerMode.Periodic) this.timer.arm(start + (Math.floor(passed / length) + 1) * length);
    else this.timer.cancel();
  }

  private countEnded(deadline: number): void {
    const state = this.state();
    if (state.mode === ApicTimerMode.Periodic && state.initialCount !== 0) {
      state.start = deadline;
      this.timer.arm(deadline + state.initialCount * this.countNanoseconds());
    }
    if (state.mode === ApicTimerMode.TscDeadline) state.tscDeadline = 0;
    this.expired();
  }
}
