// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { OrcTables } from '../../../src/machine/symbols/orc_tables.js';
import { SymbolMemory } from '../../../src/machine/symbols/symbol_memory.js';
import { addressOfTable, BASE, orcImage, TEXT, type MadeEntry } from './orc_image.js';

const made: readonly MadeEntry[] = [
  { start: 0, kind: 'call', stack: [5, 8], base: [0, 0] },
  { start: 0x10, kind: 'call', stack: [4, 16], base: [1, -16] },
  { start: 0x20, kind: 'registers', stack: [5, 0], base: [0, 0] },
  { start: 0x30, kind: 'interrupt frame', stack: [5, -128], base: [0, 0] },
  { start: 0x40, kind: 'call', stack: [5, 8], base: [0, 0] },
  { start: 0x50, kind: 'call', stack: [0, 0], base: [0, 0] },
];
const tablesOf = (bytes: Uint8Array, addressOf = addressOfTable(made.length)) =>
  OrcTables.of(new SymbolMemory(bytes), addressOf, BASE);

describe('OrcTables', () => {
  for (const isNew of [false, true])
    it(`have the entry that holds at an address, in the format ${isNew ? 'from Linux 6.4 on' : 'up to Linux 6.3'}`, () => {
      const tables = tablesOf(orcImage(made, isNew))!;
      const found = (place: number) => tables.find(TEXT + BigInt(place));
      const entry = { stackRegister: 5, stackOffset: 8, baseRegister: 0, baseOffset: 0 };
      expect(found(0)).to.deep.equal({ kind: 'call', ...entry });
      expect(found(0xf)).to.deep.equal({ kind: 'call', ...entry });
      expect(found(0x1f)).to.include({ kind: 'call', stackRegister: 4, baseRegister: 1, baseOffset: -16 });
      expect(found(0x20)).to.include({ kind: 'registers' });
      expect(found(0x3f)).to.include({ kind: 'interrupt frame', stackOffset: -128 });
      for (const outside of [-1, 0x50, 0x1000]) expect(found(outside), String(outside)).to.equal(undefined);
    });

  it('are none if a name is missing, if they are no memory, or if they are not sorted', () => {
    const image = orcImage(made, true);
    const addressOf = addressOfTable(made.length);
    expect(tablesOf(image, (name) => (name === '__stop_orc_unwind' ? undefined : addressOf(name)))).to.equal(undefined);
    expect(tablesOf(image, (name) => addressOf(name)! + 0x100000n)).to.equal(undefined);
    expect(tablesOf(image, (name) => addressOf(name)! + (name === '__stop_orc_unwind' ? 6n : 0n))).to.equal(undefined);
    expect(tablesOf(orcImage([...made].reverse(), true))).to.equal(undefined);
  });
});
