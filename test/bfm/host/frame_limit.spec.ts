// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { FrameLimit } from '../../../src/bfm/host/frame_limit.js';

const message = (length: number, head = ''): Buffer =>
  Buffer.concat([Buffer.from(`${head}Content-Length: ${length}\r\n\r\n`), Buffer.alloc(length, 'x')]);

describe('FrameLimit', () => {
  const long = message(100);
  const many = Buffer.concat([message(0), long, message(3, 'Content-Type: application/json\r\n'), long]);

  for (const size of [1, 2, 7, many.length])
    it(`accepts messages in pieces of ${size}`, () => {
      const limit = new FrameLimit(100);
      for (let at = 0; at < many.length; at += size)
        expect(limit.accepts(many.subarray(at, at + size)), `byte ${at}`).to.equal(true);
    });

  it('refuses a message that is too long at its head', () => {
    const limit = new FrameLimit(100);
    expect(limit.accepts(long)).to.equal(true);
    expect(limit.accepts(Buffer.from('Content-Length: 101\r\n\r\n'))).to.equal(false);
  });

  for (const [what, text] of [
    ['without a length', 'Content-Type: x\r\n\r\n'],
    ['with a length that is none', 'Content-Length: many\r\n\r\n'],
    ['that never ends', 'x'.repeat(5000)],
  ] as const)
    it(`refuses a head ${what}`, () => expect(new FrameLimit(100).accepts(Buffer.from(text))).to.equal(false));

  it('refuses a head that never ends, in pieces', () => {
    const limit = new FrameLimit(100);
    const pieces = Array.from({ length: 100 }, () => limit.accepts(Buffer.alloc(100, 'x')));
    expect(pieces.at(-1)).to.equal(false);
  });
});
