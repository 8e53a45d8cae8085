// SPDX-License-Identifier: LGPL-2.1-only
import { createHash } from 'node:crypto';

/** Hexadecimal digits of a check. It finds damage; somebody who changes a recording on purpose can calculate the checks too. */
const CHECK_DIGITS = 16;

const SEALED = new RegExp(`^(.*),"check":"([0-9a-f]{${CHECK_DIGITS}})"}$`, 's');

/** Gives each line of a recording a check of this line and of all lines before it, so that no line can be changed, left out or moved unseen. */
export class LineChain {
  /** Of all lines so far. */
  private check = '';

  /** @param text a JSON object that is not empty. @returns the same with a last member `check` */
  seal(text: string): string {
    const body = text.slice(0, -1);
    return `${body},"check":"${this.next(body)}"}`;
  }

  /** @returns the text as `seal` got it; undefined if this line, or one before it, is not as it was written */
  open(line: string): string | undefined {
    const [, body, check] = SEALED.exec(line) ?? [];
    return body !== undefined && this.next(body) === check ? `${body}}` : undefined;
  }

  private next(body: string): string {
    const hash = createHash('sha256').update(this.check).update(body);
    return (this.check = hash.digest('hex').slice(0, CHECK_DIGITS));
  }
}
