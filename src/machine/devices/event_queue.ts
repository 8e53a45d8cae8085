// SPDX-License-Identifier: LGPL-2.1-only
import { Timer } from './timer.js';
import type { TimerOwner } from './timer.js';

/** A clock of virtual time. Nanoseconds since power-on, an integer; one instruction lasts one nanosecond. */
export interface Clock {
  now(): number;
}

/**
 * The timers of all devices in virtual time. Timers that are due at the same nanosecond fire in the order in which they were made, so
 * a run is the same each time.
 */
export class EventQueue implements TimerOwner {
  private readonly timers: Timer[] = [];

  /**
   * @param clock the machine's virtual time.
   * @param earlier called when a timer gets a deadline, so that the scheduler can end a running quantum in time.
   */
  constructor(
    private readonly clock: Clock,
    private readonly earlier: (deadline: number) => void = () => {},
  ) {}

  now(): number {
    return this.clock.now();
  }

  /** Makes a timer; names are unique in a machine. */
  timer(name: string, fire: (deadline: number) => void): Timer {
    if (this.timers.some((timer) => timer.name === name)) throw new Error(`two timers are called ${name}`);
    const timer = new Timer(this, name, fire);
    this.timers.push(timer);
    return timer;
  }

  /** For `Timer` only. */
  changed(deadline: number): void {
    this.earlier(deadline);
  }

  /** The deadline of the timer that fires next; infinite if none is armed. */
  next(): number {
    let next = Infinity;
    for (const timer of this.timers) if (timer.deadline < next) next = timer.deadline;
    return next;
  }

  /** Fires all that is due, in order of time. A timer may arm itself again, for a later time: with the registers of a damaged snapshot it would fire for ever else. */
  runDue(): void {
    const now = this.now();
    for (let first = this.first(); first !== undefined && first.deadline <= now; first = this.first()) {
      const { deadline } = first;
      first.deadline = Infinity;
      first.fire(deadline);
      if (first.deadline <= deadline) first.deadline = deadline + 1;
    }
  }

  /** The timer that fires next; undefined if none is armed. */
  private first(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.timers) {
      // Not `first?.deadline ?? Infinity`, which would allocate a number for each timer.
      if (timer.deadline < (first === undefined ? Infinity : first.deadline)) first = timer;
    }
    return first;
  }

  /** Deadlines by name; timers that are not armed are left out. */
  save(): Record<string, number> {
    return Object.fromEntries(
      this.timers.filter((timer) => timer.deadline !== Infinity).map((t) => [t.name, t.deadline]),
    );
  }

  restore(deadlines: Readonly<Record<string, number>>): void {
    for (const timer of this.timers) timer.deadline = deadlines[timer.name] ?? Infinity;
  }
}
