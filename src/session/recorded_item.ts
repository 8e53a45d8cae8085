// SPDX-License-Identifier: LGPL-2.1-only
import type { Moment } from '../machine/moment.js';
import type { StampedEvent } from './machine_event.js';

/** A state that the recorded run had at a moment. */
export interface RecordedState {
  readonly kind: 'state';
  readonly at: Moment;
  /** Of processors and devices. */
  readonly brief: string;
  /** Of everything, memory included. It takes longer, so few states have it. */
  readonly hash?: string;
}

/** How the recorded run ended. */
export interface RecordedEnd {
  readonly kind: 'end';
  /** The host ended the run at this moment. Without it, the machine or its console ended the run. */
  readonly at?: Moment | undefined;
  /** In a word: `powered-off`, `timeout` … */
  readonly outcome: string;
  readonly instructions: number;
  readonly virtualTime: number;
  readonly hash: string;
}

/** What a recording says about a run, in the order in which it happened. */
export type RecordedItem = ({ readonly kind: 'event' } & StampedEvent) | RecordedState | RecordedEnd;
