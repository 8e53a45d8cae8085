// SPDX-License-Identifier: LGPL-2.1-only
import type { Pc } from '../../machine/pc.js';
import type { RecordedItem } from '../../session/recorded_item.js';
import { SessionRecorder } from '../../session/session_recorder.js';

/** What a run so far needs. */
export interface RunSoFarOptions {
  readonly now: () => number;
  /** Instructions between two states. */
  readonly interval: number;
  /** Takes each state of the run. */
  readonly tell: (instructions: number, hash: string) => void;
}

/** The events of a run from its beginning, for a link to the run. */
export class RunSoFar {
  readonly recorder: SessionRecorder;
  private readonly events: RecordedItem[] = [];
  /** What the recorder writes now. */
  private ends: RecordedItem[] = [];

  constructor({ now, interval, tell }: RunSoFarOptions) {
    const write = (item: RecordedItem): void => {
      if (item.kind === 'event') this.events.push(item);
      else if (item.kind === 'end') this.ends.push(item);
      else if (item.hash !== undefined) tell(item.at.instructions, item.hash);
    };
    this.recorder = new SessionRecorder({ now, interval, write });
  }

  /** The run up to now, with its state hash. @param hasEnded the machine has ended by itself @throws Error if the machine is not at a moment to which another run can come */
  upTo(pc: Pc, hasEnded: boolean): RecordedItem[] {
    this.ends = [];
    this.recorder.ended(pc, hasEnded ? 'ended' : 'shared', !hasEnded);
    return [...this.events, ...this.ends];
  }
}
