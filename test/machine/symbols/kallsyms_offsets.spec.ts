// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { findOffsets } from '../../../src/machine/symbols/kallsyms_offsets.js';
import { SymbolMemory } from '../../../src/machine/symbols/symbol_memory.js';

const base = 0xffffffff81000000n;
const count = 4;
/** Behind a token index at 0. */
const offsets = 512;

function find(values: readonly number[], relative = base) {
  const bytes = new Uint8Array(1024);
  bytes.set(new Uint8Array(Int32Array.from(values).buffer), offsets);
  bytes.set(new Uint8Array(BigUint64Array.of(relative).buffer), offsets + 4 * count);
  return findOffsets(new SymbolMemory(bytes), { count, names: 0, tokenIndex: 0, alignment: 8, virtualOffset: base })
    ?.form;
}

describe('findOffsets', () => {
  it('takes the form in which the addresses go up', () => {
    expect(find([0x10, -1, -17, -33])).to.equal('absolute per processor');
    expect(find([0, 16, 16, 32])).to.equal('from the base');
    expect(find([-500, -488, -492, -480])).to.equal('from its place');
  });

  it('takes none in which they go down, are all equal, or have no base of a kernel', () => {
    expect(find([0, 16, 8, 32])).to.equal(undefined);
    expect(find([0, 0, 0, 0])).to.equal(undefined);
    expect(find([0, 16, 16, 32], 0x1000n)).to.equal(undefined);
  });

  it('reads nothing beyond memory', () => {
    const memory = new SymbolMemory(new Uint8Array(600));
    expect(findOffsets(memory, { count: 1000, names: 16, tokenIndex: 0, alignment: 8, virtualOffset: base })).to.equal(
      undefined,
    );
  });
});
