// SPDX-License-Identifier: LGPL-2.1-only

/** The part that a timer tells about a new deadline. */
export interface TimerOwner {
  changed(deadline: number): void;
}

/** One alarm of a device. Its deadline is all of its state. */
export class Timer {
  /** Nanoseconds of virtual time; infinite while the timer is not armed. */
  deadline = Infinity;

  constructor(
    private readonly queue: TimerOwner,
    readonly name: string,
    readonly fire: (deadline: number) => void,
  ) {}

  /** Arms the timer, replacing an earlier deadline. A deadline that has passed fires at the next chance. */
  arm(deadline: number): void {
    this.deadline = deadline;
    this.queue.changed(deadline);
  }

  cancel(): void {
    this.deadline = Infinity;
  }
}
