// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ByteArena } from './byte_arena.js';

describe('ByteArena', () => {
  it('gives zeros that no other part shares, in one chunk and across chunks', () => {
    const arena = new ByteArena();
    const parts: Uint8Array[] = [];
    for (let i = 0; i < 400; i++) {
      const words = arena.words(2 * (1 + (i % 60)));
      const bytes = arena.bytes(8 * (1 + ((i * 7) % 64)));
      for (const part of [new Uint8Array(words.buffer, words.byteOffset, words.byteLength), bytes]) {
        expect(part.every((byte) => byte === 0)).to.equal(true);
        part.fill((parts.length % 255) + 1);
        parts.push(part);
      }
    }
    parts.forEach((part, i) => expect(part.every((byte) => byte === (i % 255) + 1)).to.equal(true));
  });
  it('copies words', () => {
    const words = Uint32Array.of(1, 0xffffffff);
    const copy = new ByteArena().copyOfWords(words);
    words[0] = 2;
    expect([...copy]).to.deep.equal([1, 0xffffffff]);
  });
  it('refuses lengths that would break alignment or do not fit a chunk', () => {
    const arena = new ByteArena();
    expect(() => arena.bytes(12)).to.throw(RangeError, '12 bytes');
    expect(() => arena.words(1)).to.throw(RangeError, '4 bytes');
    expect(() => arena.bytes((1 << 16) + 8)).to.throw(RangeError, '65544 bytes');
  });
});
