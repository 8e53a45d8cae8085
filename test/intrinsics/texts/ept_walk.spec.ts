// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { eptWalkText, misconfigurationOf, walkEpt } from '../../../src/intrinsics/texts/ept_walk.js';

const rules = { physicalAddressWidth: 39, hasExecuteOnly: false, hasModeBasedExecute: false };
const modeBased = { ...rules, hasExecuteOnly: true, hasModeBasedExecute: true };
const why = 'there is no memory';

/** Tables at 1000H, 2000H … of which each holds one entry. */
function walk(address: bigint, entries: Readonly<Record<number, bigint>>) {
  return walkEpt(0x101en, address, rules, (physical) => entries[Number(physical)] ?? 0n);
}

describe('walkEpt', () => {
  it('goes down to a 4-KiB page', () => {
    const address = (1n << 39n) | (2n << 30n) | (3n << 21n) | (4n << 12n) | 5n;
    const steps = walk(address, { 0x1008: 0x2007n, 0x2010: 0x3007n, 0x3018: 0x4007n, 0x4020: 0x123035n });
    expect(eptWalkText(steps, rules, why)).to.deep.equal([
      'PML4E (level 4) at 0x1008 = 0x2007: rwx, table',
      'PDPTE (level 3) at 0x2010 = 0x3007: rwx, table',
      'PDE (level 2) at 0x3018 = 0x4007: rwx, table',
      'PTE (level 1) at 0x4020 = 0x123035: r-x, 4-KiB page, WriteBack',
    ]);
  });

  it('ends at a large page and at an entry without access', () => {
    expect(walk(0n, { 0x1000: 0x2007n, 0x2000: 0xb7n })).to.have.length(2);
    expect(eptWalkText(walk(0n, { 0x1000: 0x2007n }), rules, why)[1]).to.equal(
      'PDPTE (level 3) at 0x2000 = 0x0: ---, not present',
    );
  });
});

describe('walkEpt with mode-based execute control', () => {
  const tables = { 0x1000: 0x2407n, 0x2000: 0x3407n, 0x3000: 0x4407n };
  const lastLine = (entry: bigint, by = modeBased): string => {
    const steps = walkEpt(0x101en, 0n, by, (physical) => ({ ...tables, 0x4000: entry })[Number(physical)] ?? 0n);
    return eptWalkText(steps, by, why).at(-1)!;
  };

  it('says which mode may execute, where only one of them may', () => {
    expect(lastLine(0x5437n)).to.equal('PTE (level 1) at 0x4000 = 0x5437: rwx, 4-KiB page, WriteBack');
    expect(lastLine(0x5433n)).to.include(': rwx (x in user mode only), 4-KiB page');
    expect(lastLine(0x5037n)).to.include(': rwx (x in supervisor mode only), 4-KiB page');
    expect(lastLine(0x5033n)).to.include(': rw-, 4-KiB page');
  });

  it('goes on at an entry that permits execution in user mode alone: it is present', () => {
    expect(lastLine(0x5430n)).to.equal(
      'PTE (level 1) at 0x4000 = 0x5430: --x (x in user mode only), 4-KiB page, WriteBack',
    );
    expect(lastLine(0x5430n, { ...modeBased, hasExecuteOnly: false })).to.include('it permits execution alone');
  });

  it('ignores bit 10 without the control', () => {
    expect(lastLine(0x5430n, rules)).to.equal('PTE (level 1) at 0x4000 = 0x5430: ---, not present');
    expect(lastLine(0x5433n, rules)).to.include(': rw-, 4-KiB page');
  });
});

describe('walkEpt, as the processor,', () => {
  for (const [level, wrong] of [
    [0, 0x2002n],
    [0, 0x2087n],
    [1, 0x3004n],
    [2, 0x400fn],
  ] as const)
    it(`goes no further than the misconfigured entry 0x${wrong.toString(16)} of level ${4 - level}`, () => {
      const good = { 0x1000: 0x2007n, 0x2000: 0x3007n, 0x3000: 0x4007n, 0x4000: 0x5037n };
      const steps = walk(0n, { ...good, [0x1000 * (level + 1)]: wrong });
      expect(steps.map(({ value }) => value))
        .to.have.length(level + 1)
        .and.to.include(wrong);
      expect(eptWalkText(steps, rules, why).at(-1)).to.include('misconfigured');
    });

  it('ends at a table that cannot be read', () => {
    const steps = walkEpt(0x101en, 0x1000n, rules, (physical) => (physical < 0x2000n ? 0x2007n : undefined));
    expect(eptWalkText(steps, rules, why)).to.deep.equal([
      'PML4E (level 4) at 0x1000 = 0x2007: rwx, table',
      'PDPTE (level 3) at 0x2000 cannot be read: there is no memory',
    ]);
  });
});

describe('misconfigurationOf', () => {
  const cases: [level: number, value: bigint, wrong: RegExp | undefined][] = [
    [3, 0x1037n, undefined],
    [3, 0n, undefined],
    [3, 0x1032n, /writes and no reads/],
    [3, 0x1034n, /execution alone/],
    [3, 0x1017n, /memory type 2 is reserved/],
    [3, 0x103fn, /memory type 7 is reserved/],
    [3, (1n << 39n) | 0x37n, /reserved bits 0x8000000000 are 1/],
    [2, 0x2000b7n, undefined],
    [2, 0x2010b7n, /reserved bits 0x1000/],
    [2, 0x200fn, /reserved bits 0x8/],
    [1, 0x400000b7n, undefined],
    [1, 0x402000b7n, /reserved bits 0x200000/],
    [0, 0x2087n, /reserved bits 0x80/],
    // Bits 11:8 and 63:52 are ignored or have meanings of their own.
    [3, (1n << 63n) | 0xf37n, undefined],
  ];
  for (const [level, value, wrong] of cases)
    it(`of level ${4 - level} says ${wrong === undefined ? 'nothing' : String(wrong)} of 0x${value.toString(16)}`, () => {
      const found = misconfigurationOf({ level, value }, rules);
      if (wrong === undefined) expect(found).to.equal(undefined);
      else expect(found).to.match(wrong);
    });
});
