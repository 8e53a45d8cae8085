// SPDX-License-Identifier: LGPL-2.1-only

/** Hears what the scheduler does with virtual time. Times are nanoseconds since power-on. */
export interface TurnObserver {
  /** A processor executed: a turn, or a part of it. @param instructions of the processor before it */
  ran(processor: number, from: number, to: number, instructions: number): void;
  /** A processor executed nothing: it slept, or waited at a PAUSE. */
  waited(processor: number, from: number, to: number, sleeps: boolean): void;
}

/** Looks at a processor at points of its virtual time. The scheduler cuts turns there, of which the guest notices nothing. */
export interface Sampler {
  /** The next point for a processor. */
  dueAt(processor: number): number;
  /** The processor has reached it, or has passed it while it waited. It is loaded. */
  sample(processor: number, time: number): void;
}
