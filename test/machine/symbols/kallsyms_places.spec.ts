// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { findKallsyms } from '../../../src/machine/symbols/kallsyms_places.js';
import { SymbolMemory } from '../../../src/machine/symbols/symbol_memory.js';
import { randomNumbers } from '../random_numbers.js';
import { KERNEL_TEXT, kernelSymbols, layouts, writeKallsyms } from './kallsyms_image.js';

const virtualOffset = KERNEL_TEXT - 0x1000n;
const symbols = kernelSymbols(600);
const find = (bytes: Uint8Array, from = 0, to = bytes.length) =>
  findKallsyms(new SymbolMemory(bytes), from, to, virtualOffset);

describe('findKallsyms', () => {
  for (const layout of layouts)
    it(`finds the tables of Linux ${layout} among other data`, () => {
      const bytes = new Uint8Array(1 << 20);
      const next = randomNumbers(0x5eed);
      bytes.forEach((_, at) => (bytes[at] = next(256)));
      writeKallsyms(bytes, 0x40000, { symbols, layout, virtualOffset });
      const places = find(bytes);
      expect(places).to.include({ count: symbols.length });
      expect(places!.names).to.be.within(0x40000, 0x50000);
      expect(places!.form).to.equal(
        layout === '7.0' ? 'from its place' : layout === '6.15' ? 'from the base' : 'absolute per processor',
      );
    });

  it('finds none where none are, and reads nothing outside memory', () => {
    const bytes = new Uint8Array(1 << 16);
    expect(find(bytes)).to.equal(undefined);
    expect(find(bytes, -100, 1 << 30)).to.equal(undefined);
  });

  it('passes over digits that begin no table of tokens', () => {
    const bytes = new Uint8Array(1 << 20);
    for (const at of [0x1000, 0x2001, 0x3002, 0x4003])
      bytes.set(Buffer.from('0\x001\x002\x003\x004\x005\x006\x007\x008\x009\0'), at);
    expect(find(bytes)).to.equal(undefined);
    writeKallsyms(bytes, 0x40000, { symbols, layout: '6.4', virtualOffset });
    expect(find(bytes)).to.include({ count: symbols.length });
  });

  it('refuses tables whose markers, names or addresses do not fit', () => {
    const whole = new Uint8Array(1 << 20);
    writeKallsyms(whole, 0x40000, { symbols, layout: '6.4', virtualOffset });
    const places = find(whole)!;
    for (const at of [places.markers + 4, places.names, places.offsets + 40, places.tokenIndex + 8]) {
      const bytes = whole.slice();
      bytes[at] = bytes[at]! ^ 0x80;
      bytes[at + 3] = bytes[at + 3]! ^ 0x40;
      expect(find(bytes), `a change at ${at.toString(16)}`).to.equal(undefined);
    }
  });

  it('gives up on a maze that a guest has made of names', () => {
    class CountingMemory extends SymbolMemory {
      reads = 0;
      override u8(at: number): number {
        this.reads++;
        return super.u8(at);
      }
    }
    const bytes = new Uint8Array(1 << 20);
    writeKallsyms(bytes, 0x80000, { symbols, layout: '6.4', virtualOffset });
    const { tokens } = find(bytes)!;
    // Names of one character, from wherever one begins, and a number of them before each place: all fit their markers, up to the last.
    const markers = tokens - 4 * 257;
    for (let at = 0x20000; at < markers; at++) bytes[at] = at % 2 === 0 ? 1 : 0;
    bytes[markers - 16] = 0;
    new Uint32Array(bytes.buffer, markers, 257).forEach((_, index, words) => (words[index] = 512 * index));
    const memory = new CountingMemory(bytes);
    expect(findKallsyms(memory, 0, bytes.length, virtualOffset)).to.equal(undefined);
    expect(memory.reads).to.be.within(1 << 20, 1 << 25);
  });
});
