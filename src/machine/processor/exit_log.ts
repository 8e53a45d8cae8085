// SPDX-License-Identifier: LGPL-2.1-only
import { ExitHistory, RECORD_WORDS, type RememberedExit } from './exit_history.js';
import type { ExitSink } from './exit_sink.js';

/** The VM exits of a processor for a trace: many more than its `ExitHistory` remembers. Adding one allocates nothing. */
export class ExitLog implements ExitSink {
  private readonly words: Int32Array;
  /** The place of the next record, and how often the places were used up. */
  private place = 0;
  private rounds = 0;

  /** @param capacity the newest exits that it keeps */
  constructor(readonly capacity: number) {
    this.words = new Int32Array(capacity * RECORD_WORDS);
  }

  /** How many exits there were. */
  get total(): number {
    return this.rounds * this.capacity + this.place / RECORD_WORDS;
  }

  /** The number of the oldest exit that is kept. */
  get first(): number {
    return Math.max(this.total - this.capacity, 0);
  }

  /** Takes the last exit of a history, which has been handled. */
  add(history: ExitHistory): void {
    const { words, place } = this;
    history.copyLast(words, place);
    this.place = place + RECORD_WORDS;
    if (this.place < words.length) return;
    this.place = 0;
    this.rounds++;
  }

  /** @param number from `first` up to `total` */
  exit(number: number): RememberedExit {
    return ExitHistory.read(this.words, (number % this.capacity) * RECORD_WORDS);
  }
}
