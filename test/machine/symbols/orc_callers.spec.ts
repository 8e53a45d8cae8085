// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { orcCallers } from '../../../src/machine/symbols/orc_callers.js';
import { OrcTables } from '../../../src/machine/symbols/orc_tables.js';
import { SymbolMemory } from '../../../src/machine/symbols/symbol_memory.js';
import { addressOfTable, BASE, orcImage, TEXT, type MadeEntry } from './orc_image.js';

/** Code of each kind, at these places. */
const At = { plain: 0n, framed: 0x10n, interrupted: 0x20n, returning: 0x30n, indirect: 0x40n, entry: 0x50n } as const;
const made: readonly MadeEntry[] = [
  { start: Number(At.plain), kind: 'call', stack: [5, 16], base: [0, 0] },
  { start: Number(At.framed), kind: 'call', stack: [4, 16], base: [1, -16] },
  { start: Number(At.interrupted), kind: 'registers', stack: [5, 8], base: [0, 0] },
  { start: Number(At.returning), kind: 'interrupt frame', stack: [5, 0], base: [0, 0] },
  { start: Number(At.indirect), kind: 'call', stack: [9, 8], base: [0, 0] },
  { start: Number(At.entry), kind: 'call', stack: [0, 0], base: [0, 0] },
  { start: 0x60, kind: 'call', stack: [0, 0], base: [0, 0] },
];
const tables = OrcTables.of(new SymbolMemory(orcImage(made, false)), addressOfTable(made.length), BASE)!;

const STACK = 0xffff_c900_0000_0000n;
const KERNEL_CS = 0x10n;
const at = (place: bigint): bigint => TEXT + place + 4n;

/** The callers, as places in the code, of a processor whose stack has these words. */
function callersOf(place: bigint, words: Readonly<Record<number, bigint>>, rbp = 0n, most = 9): bigint[] {
  const read = (address: bigint): bigint | undefined => words[Number(address - STACK)];
  return orcCallers(tables, { rip: at(place), rsp: STACK, rbp }, read, most).map((caller) => caller - TEXT);
}

describe('orcCallers', () => {
  it('goes by the stack pointer, and by a saved RBP', () => {
    // plain ← framed, whose RBP is 0x40 ← framed, whose RBP was saved ← entry
    const words = { 8: at(At.framed), 0x40: STACK + 0x80n, 0x48: at(At.framed), 0x80: 0n, 0x88: at(At.entry) };
    expect(callersOf(At.plain, words, STACK + 0x40n)).to.deep.equal([At.framed + 3n, At.framed + 3n, At.entry + 3n]);
  });

  it('passes what an interrupt has saved: all registers, or what IRET takes', () => {
    const [registers, frame] = [8, 0x200];
    const saved = {
      ...{ [registers + 32]: STACK + 0x300n, [registers + 128]: at(At.framed), [registers + 136]: KERNEL_CS },
      ...{ [registers + 152]: STACK + 0x280n, 0x300: 0n, 0x308: at(At.entry) },
    };
    expect(callersOf(At.interrupted, saved)).to.deep.equal([At.framed + 4n, At.entry + 3n]);
    const iret = { [frame]: at(At.plain), [frame + 8]: KERNEL_CS, [frame + 24]: STACK + 0x280n, 0x288: at(At.entry) };
    const moved = Object.fromEntries(Object.entries(iret).map(([key, value]) => [Number(key) - frame, value]));
    expect(callersOf(At.returning, { ...moved, 0x288: at(At.entry) })).to.deep.equal([At.plain + 4n, At.entry + 3n]);
  });

  it('follows a pointer to another stack', () => {
    expect(callersOf(At.indirect, { 0: STACK + 0x100n, 0x100: at(At.entry) })).to.deep.equal([At.entry + 3n]);
  });

  it('ends at the entry from a process, where the stack has no memory, outside the tables, and after so many', () => {
    const user = { 136: 0x2bn, 144: 0x33n, 160: 0x7fffn };
    expect(callersOf(At.interrupted, user)).to.deep.equal([]);
    expect(callersOf(At.plain, {})).to.deep.equal([]);
    expect(callersOf(At.plain, { 8: 0x40_0000n }), 'a return address of a process').to.deep.equal([]);
    expect(callersOf(At.plain, { 8: TEXT + 0x999n }), 'a module').to.deep.equal([0x998n]);
    const loop = { 8: at(At.plain), 0x18: at(At.plain), 0x28: at(At.plain), 0x38: at(At.plain) };
    expect(callersOf(At.plain, loop, 0n, 3)).to.have.length(3);
  });
});
