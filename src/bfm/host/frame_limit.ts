// SPDX-License-Identifier: LGPL-2.1-only
import { Buffer } from 'node:buffer';

/** Bytes of the head of a message: it holds two short fields. */
const LONGEST_HEAD = 4096;
const HEAD_END = Buffer.from('\r\n\r\n');

/**
 * Reads the heads of JSON-RPC messages as they arrive, before the library. The library would gather a message of any length in memory before it
 * checks it.
 */
export class FrameLimit {
  private head = Buffer.alloc(0);
  /** Bytes of the current message that are still to come. */
  private body = 0;

  /** @param longest bytes of a message that is accepted */
  constructor(private readonly longest: number) {}

  /** @returns false if a message is too long, or if the data have no head */
  accepts(data: Buffer): boolean {
    for (let rest = data; rest.length > 0;) {
      const skipped = Math.min(this.body, rest.length);
      this.body -= skipped;
      rest = rest.subarray(skipped);
      if (rest.length === 0) break;
      const before = this.head.length;
      this.head = Buffer.concat([this.head, rest.subarray(0, LONGEST_HEAD)]);
      const end = this.head.indexOf(HEAD_END);
      if (end < 0) return this.head.length < LONGEST_HEAD;
      const length = /^content-length:\s*(\d{1,12})\s*$/im.exec(this.head.toString('latin1', 0, end));
      if (length === null || Number(length[1]) > this.longest) return false;
      rest = rest.subarray(end + HEAD_END.length - before);
      this.body = Number(length[1]);
      this.head = Buffer.alloc(0);
    }
    return true;
  }
}
