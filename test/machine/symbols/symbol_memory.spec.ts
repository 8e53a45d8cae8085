// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { SymbolMemory } from '../../../src/machine/symbols/symbol_memory.js';

describe('SymbolMemory', () => {
  const bytes = Uint8Array.of(0x41, 0x42, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);

  it('reads numbers and text, and 0 for what is not wholly in memory', () => {
    const memory = new SymbolMemory(bytes);
    expect([memory.u8(1), memory.u16(0), memory.u32(0), memory.i32(3)]).to.deep.equal([0x42, 0x4241, 0xff004241, -1]);
    expect(memory.u64(2)).to.equal(0xffffffffffffff00n);
    expect([memory.u8(10), memory.u16(9), memory.u32(-1), memory.u64(3)]).to.deep.equal([0, 0, 0, 0n]);
    expect([memory.text(0, 9), memory.text(0, 1), memory.text(20, 9)]).to.deep.equal(['AB', 'A', '']);
  });

  it('cuts a range to memory, and says that it is needed', () => {
    const needed: number[][] = [];
    const memory = new SymbolMemory(bytes, (start, end) => needed.push([start, end]));
    expect(memory.range(-5, 99)).to.deep.equal({ start: 0, end: 10 });
    expect(memory.range(4, 2)).to.deep.equal({ start: 4, end: 4 });
    expect(needed).to.deep.equal([
      [0, 10],
      [4, 4],
    ]);
  });
});
