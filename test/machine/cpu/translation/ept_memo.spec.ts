// SPDX-License-Identifier: LGPL-2.1-only
// Guest-physical addresses are translated quietly, as a debugger does it: by EPT, and by no TLB.
import { expect } from 'chai';
import { SystemMachine } from '../../../support/system_machine.js';
import { randomNumbers } from '../../random_numbers.js';

const machine = await SystemMachine.make();

/** Host-physical places of the tables: two roots, each with a PDPT, a page directory and a page table. */
const roots = [0x800000, 0x810000];
const [pdptAt, directoryAt, tableAt] = [0x1000, 0x2000, 0x3000];
const gib = 1 << 30;
const [page2m, page4k] = [1 << 21, 1 << 12];
const all = 7;
const large = 0x80;
const writeBack = 0x30;
const leaf = (frame: number, rights = all): bigint => BigInt(frame | writeBack | rights);

/** Two GiB: a page of 1 GiB is the second one; in the first, one region has 4-KiB pages and the rest 2-MiB pages. */
function mapAll(root: number): void {
  machine.poke64(root, BigInt(root + pdptAt) | 7n);
  machine.poke64(root + pdptAt, BigInt(root + directoryAt) | 7n);
  machine.poke64(root + pdptAt + 8, leaf(0) | BigInt(large));
  for (let i = 0; i < 512; i++) machine.poke64(root + directoryAt + 8 * i, leaf(i * page2m) | BigInt(large));
  machine.poke64(root + directoryAt + 8, BigInt(root + tableAt) | 7n);
  for (let i = 0; i < 512; i++) machine.poke64(root + tableAt + 8 * i, leaf(page2m + i * page4k));
}

/** A guest without paging: a linear address is a guest-physical one. */
function startGuest(root: number): void {
  machine.start();
  for (const each of roots) mapAll(each);
  machine.set('CR0', 0x31n);
  machine.set('EFER', 0n);
  machine.set('VMX_EPTP', root | 0x1e);
  machine.set('VMX_MODE', 2);
  machine.stateChanged();
}

const translate = (address: number, kind: 'read' | 'write' | 'fetch' = 'read'): number =>
  machine.cpu.translate(BigInt(address), kind);

/** What the tables say, read entry by entry; −1 without the right. */
function walk(root: number, address: number, right: number): number {
  let table = root;
  let rights = all;
  for (const shift of [39, 30, 21, 12]) {
    const entry = Number(machine.peek64(table + (Math.floor(address / 2 ** shift) % 512) * 8));
    rights &= entry;
    const isLeaf = shift === 12 || (shift < 39 && (entry & large) !== 0);
    if ((entry & all) === 0) return -1;
    const frame = entry - (entry % 4096);
    if (isLeaf) return (rights & right) === 0 ? -1 : frame + (address % 2 ** shift);
    table = frame;
  }
  throw new Error('a walk has four levels');
}

describe('The memo of EPT walks', () => {
  for (const [what, address] of [
    ['a page of 1 GiB', gib + 0x1234567],
    ['a page of 2 MiB', 5 * page2m + 0x12345],
    ['a page of 4 KiB', page2m + 0x12345],
  ] as const) {
    it(`translates again as the walk did: ${what}`, () => {
      startGuest(roots[0]!);
      const first = translate(address);
      expect(first).to.equal(walk(roots[0]!, address, 1));
      expect(translate(address)).to.equal(first);
    });
  }

  for (const [what, at, entry] of [
    ['another page', directoryAt + 5 * 8, leaf(9 * page2m) | BigInt(large)],
    ['no page', directoryAt + 5 * 8, 0n],
    ['fewer rights', directoryAt + 5 * 8, leaf(5 * page2m, 4) | BigInt(large)],
    ['a table without rights above it', pdptAt, 0n],
    ['other rights at the root', 0, BigInt(roots[0]! + pdptAt) | 4n],
  ] as const) {
    it(`does not outlive a change of an entry: ${what}`, () => {
      startGuest(roots[0]!);
      const address = 5 * page2m + 0x12345;
      expect(translate(address)).to.equal(address);
      machine.poke64(roots[0]! + at, entry);
      expect(translate(address))
        .to.equal(walk(roots[0]!, address, 1))
        .and.not.to.equal(address);
    });
  }

  it('has rights of its own for each kind of access', () => {
    startGuest(roots[0]!);
    machine.poke64(roots[0]! + directoryAt + 5 * 8, leaf(5 * page2m, 1) | BigInt(large));
    const address = 5 * page2m;
    expect([translate(address), translate(address, 'write'), translate(address, 'fetch')]).to.deep.equal([
      address,
      -1,
      -1,
    ]);
  });

  it('belongs to one EPTP', () => {
    startGuest(roots[0]!);
    machine.poke64(roots[1]! + directoryAt + 5 * 8, leaf(9 * page2m) | BigInt(large));
    const address = 5 * page2m + 8;
    expect(translate(address)).to.equal(address);
    machine.set('VMX_EPTP', roots[1]! | 0x1e);
    expect(translate(address)).to.equal(9 * page2m + 8);
  });

  it('says what a walk says over random changes', () => {
    startGuest(roots[0]!);
    const next = randomNumbers(1);
    for (let round = 0; round < 5000; round++) {
      const region = next(8);
      const rights = [0, 1, 3, 4, 5, 7][next(6)]!;
      if (next(4) === 0)
        machine.poke64(roots[0]! + directoryAt + 8 * region, leaf(next(16) * page2m, rights) | BigInt(large));
      const address = region * page2m + next(page2m);
      expect(translate(address), `round ${round}`).to.equal(walk(roots[0]!, address, 1));
    }
  });
});
