// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { firstOf, SymbolTable } from '../../../src/machine/symbols/symbol_table.js';

const table = new SymbolTable([
  { address: 0x2000n, name: 'second' },
  { address: 0x1000n, name: 'first' },
  { address: 0x2000n, name: 'alias' },
]);

describe('SymbolTable', () => {
  it('finds the last symbol at or below an address, the first name where there are two', () => {
    expect(table.find(0xfffn)).to.equal(undefined);
    expect(table.find(0x1000n)).to.deep.equal({ name: 'first', offset: 0n });
    expect(table.find(0x1fffn)).to.deep.equal({ name: 'first', offset: 0xfffn });
    expect(table.find(0x2010n)).to.deep.equal({ name: 'second', offset: 0x10n });
  });

  it('has no name for what is too far from the last symbol', () => {
    expect(table.find(0x2000n + (16n << 20n) - 1n)!.name).to.equal('second');
    expect(table.find(0x2000n + (16n << 20n))).to.equal(undefined);
  });

  it('knows the address of a name', () => {
    expect([table.addressOf('alias'), table.addressOf('third')]).to.deep.equal([0x2000n, undefined]);
  });

  it("leaves out the per-processor offsets of a kernel's file", () => {
    const kernel = new SymbolTable([
      { address: 0x1000n, name: 'cpu_number' },
      { address: 0xffffffff81000000n, name: '_text' },
    ]);
    expect([kernel.size, kernel.find(0x1004n)]).to.deep.equal([1, undefined]);
  });
});

describe('firstOf', () => {
  it('is the first place at which something is true', () => {
    for (const wanted of [0, 1, 4, 5]) expect(firstOf(5, (index) => index >= wanted)).to.equal(wanted);
  });
});
