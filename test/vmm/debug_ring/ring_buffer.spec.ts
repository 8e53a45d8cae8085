// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { emptyRing, RingBuffer } from '../../../src/vmm/debug_ring/ring_buffer.js';

describe('RingBuffer', () => {
  it('keeps what a ring in use has', () => {
    const memory = emptyRing(64);
    new RingBuffer(memory).write('kept');
    expect(new RingBuffer(memory).read()).to.equal('kept');
  });

  for (const [start, end] of [
    [0n, 2n ** 60n],
    [5n, 4n],
    [0n, 65n],
    [2n ** 53n, 2n ** 53n + 4n],
  ] as const)
    it(`begins as empty with the positions ${start} and ${end} of a damaged snapshot, which took for ever`, () => {
      const memory = emptyRing(64).fill(1, 24, 88);
      const view = new DataView(memory.buffer);
      view.setBigUint64(0, end, true);
      view.setBigUint64(8, start, true);
      const ring = new RingBuffer(memory);
      expect(ring.read()).to.equal('');
      ring.write('goes on');
      expect(ring.read()).to.equal('goes on');
    });

  it('drops a text without an end, as only damage leaves it', () => {
    const memory = emptyRing(64).fill(1, 24, 88);
    new DataView(memory.buffer).setBigUint64(0, 64n, true);
    const ring = new RingBuffer(memory);
    ring.write('goes on');
    expect(ring.read()).to.include('goes on');
  });
});
