// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { DebugRingX64 } from '../../../src/vmm/debug_ring/debug_ring_x64.js';

const size = 32768;

describe('DebugRingX64', () => {
  it('gives back what was written, without the NULs', () => {
    const ring = new DebugRingX64();
    ring.write('hello ');
    ring.write('wörld');
    expect(ring.read()).to.equal('hello wörld');
  });

  it('is empty at first, and drops empty strings', () => {
    const ring = new DebugRingX64();
    ring.write('');
    expect(ring.read()).to.equal('');
  });

  it('drops strings that would fill it', () => {
    const ring = new DebugRingX64();
    ring.write('kept');
    ring.write('x'.repeat(size));
    expect(ring.read()).to.equal('kept');
  });

  it('takes a string of one byte less than its size with its NUL', () => {
    const ring = new DebugRingX64();
    ring.write('gone');
    ring.write('x'.repeat(size - 1));
    expect(ring.read()).to.equal('x'.repeat(size - 1));
  });

  it('overwrites whole oldest strings', () => {
    const ring = new DebugRingX64();
    ring.write('a'.repeat(20000));
    ring.write('b'.repeat(12000));
    ring.write('c'.repeat(1000));
    expect(ring.read()).to.equal('b'.repeat(12000) + 'c'.repeat(1000));
  });

  it('wraps around many times and keeps the newest', () => {
    const ring = new DebugRingX64();
    for (let line = 0; line < 20000; line++) ring.write(`line ${line}\n`);
    const lines = ring.read().trimEnd().split('\n');
    expect(lines[lines.length - 1]).to.equal('line 19999');
    expect(lines.length).to.be.within(2500, 3000);
    expect(lines[0]).to.equal(`line ${20000 - lines.length}`);
  });

  it('gives way to a longer string by as many short ones as it takes, and no more', () => {
    const ring = new DebugRingX64();
    for (let each = 0; each < size / 8; each++) ring.write(`${each}`.padStart(7, '.'));
    expect(ring.read(), 'full to the last byte').to.have.length((size / 8) * 7);
    ring.write('x'.repeat(8));
    expect(ring.read().slice(0, 7)).to.equal('......2');
    expect(ring.read().slice(-15)).to.equal(`...${size / 8 - 1}${'x'.repeat(8)}`);
  });

  it('counts epos and spos on when it wraps', () => {
    const ring = new DebugRingX64();
    for (let each = 0; each < 3; each++) ring.write('x'.repeat(size - 1));
    const words = new BigUint64Array(ring.memory.slice().buffer);
    expect([...words.subarray(0, 2)]).to.deep.equal([3n * BigInt(size), 2n * BigInt(size)]);
  });

  it('keeps a string of several bytes a character whole over its end', () => {
    const ring = new DebugRingX64();
    ring.write('x'.repeat(size - 4));
    ring.write('€uro');
    expect(ring.read()).to.equal('€uro');
  });

  it('has the layout epos, spos, tag, buffer, tag', () => {
    const ring = new DebugRingX64();
    ring.write('abc');
    const words = new BigUint64Array(ring.memory.slice().buffer);
    expect(ring.memory.length).to.equal(24 + size + 8);
    expect([...words.subarray(0, 3)]).to.deep.equal([4n, 0n, 0xdb60db60db60db60n]);
    expect(words[words.length - 1]).to.equal(0x06bd06bd06bd06bdn);
    expect([...ring.memory.subarray(24, 28)]).to.deep.equal([97, 98, 99, 0]);
  });
});
