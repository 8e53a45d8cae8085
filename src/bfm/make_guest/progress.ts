// SPDX-License-Identifier: LGPL-2.1-only
import type { TextSink } from '../console/text_sink.js';

const REDRAW_MILLISECONDS = 200;
/** Carriage return, and erase to the end of the line. */
const REWRITE = '\r\x1b[K';

/** Says what a long command does: a line for each step. On a terminal the line of the current step also shows how far it is. */
export class Progress {
  constructor(
    private readonly output: Pick<TextSink, 'write'>,
    private readonly isTerminal: boolean,
  ) {}

  /**
   * Does one step.
   *
   * @param what a text such as `unpacking busybox-static`.
   * @param amount how far it is, such as `3.2 of 27.6 MB`; asked a few times a second
   */
  async step<T>(what: string, work: () => Promise<T> | T, amount: () => string = () => ''): Promise<T> {
    if (!this.isTerminal) {
      this.output.write(`bfm: ${what}\n`);
      return work();
    }
    const draw = (rest: string): void => void this.output.write(`${REWRITE}bfm: ${what}${rest}`);
    draw(' …');
    const timer = setInterval(() => draw(` … ${amount()}`), REDRAW_MILLISECONDS);
    try {
      return await work();
    } finally {
      clearInterval(timer);
      draw('\n');
    }
  }
}
