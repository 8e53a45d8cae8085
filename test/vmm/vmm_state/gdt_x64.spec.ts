// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmcsError } from '../../../src/vmm/errors.js';
import { GdtX64 } from '../../../src/vmm/vmm_state/gdt_x64.js';

function gdt(words: Record<number, bigint> = {}, limit = 0x3f) {
  const memory = new Map<bigint, bigint>(
    Object.entries(words).map(([index, word]) => [0x1000n + BigInt(Number(index) * 8), word]),
  );
  const access = {
    read64: (address: bigint) => memory.get(address) ?? 0n,
    write64: (address: bigint, value: bigint) => void memory.set(address, value),
  };
  return { memory, table: new GdtX64(access, { base: 0x1000n, limit }) };
}

describe('GdtX64', () => {
  describe('.read', () => {
    it('takes base, limit and rights from their places', () => {
      const { table } = gdt({ 2: 0x12af9b345678abcdn });
      expect(table.read(2)).to.deep.equal({ base: 0x12345678n, limit: 0xfabcd * 4096 + 4095, accessRights: 0xa09b });
    });

    it('leaves the limit alone when G is 0', () => {
      expect(gdt({ 1: 0x004f92000000fffen }).table.read(1).limit).to.equal(0xffffe);
    });

    it('takes 16 bytes for a system segment', () => {
      const { table } = gdt({ 5: 0x88008b4455660067n, 6: 0xffff8000n });
      expect(table.read(5)).to.deep.equal({ base: 0xffff800088445566n, limit: 0x67, accessRights: 0x8b });
    });

    for (const index of [0, 8, -1]) {
      it(`refuses index ${index}`, () => {
        expect(() => gdt().table.read(index)).to.throw(VmcsError, new RegExp(`GDT index ${index}: wanted 1 … 7`));
      });
    }

    it('refuses a system segment whose second half is beyond the limit', () => {
      expect(() => gdt({ 7: 0x00008b0000000067n }).table.read(7)).to.throw(VmcsError, /GDT index 8/);
    });
  });

  describe('.write', () => {
    it('stores what read gives back', () => {
      const { table } = gdt();
      const code = { base: 0x12345678n, limit: 0xffffffff, accessRights: 0xa09b };
      const tss = { base: 0xffff800012345678n, limit: 103, accessRights: 0x8b };
      table.write(1, code);
      table.write(5, tss);
      expect(table.read(1)).to.deep.equal(code);
      expect(table.read(5)).to.deep.equal(tss);
    });

    it('does not touch the entry after a code segment', () => {
      const { table, memory } = gdt({ 2: 5n });
      table.write(1, { base: 0n, limit: 0xffffffff, accessRights: 0xa09b });
      expect(memory.get(0x1010n)).to.equal(5n);
    });
  });

  describe('.write', () => {
    it('stores nothing of a system segment whose second half is beyond the limit', () => {
      const { table, memory } = gdt();
      expect(() => table.write(7, { base: 0n, limit: 103, accessRights: 0x8b })).to.throw(VmcsError, /GDT index 8/);
      expect(memory.size).to.equal(0);
    });

    for (const [limit, accessRights] of [
      [0x100000, 0x209b],
      [2 ** 32, 0xa09b],
      [-1, 0x209b],
    ] as const) {
      it(`refuses limit ${limit} with rights 0x${accessRights.toString(16)}`, () => {
        expect(() => gdt().table.write(1, { base: 0n, limit, accessRights })).to.throw(VmcsError, /20 bits/);
      });
    }
  });

  const whole = 0x12af9b345678abcdn;

  describe('.setBase', () => {
    it('changes the base of a descriptor and nothing else', () => {
      const { table, memory } = gdt({ 1: whole, 2: 5n });
      table.setBase(1, 0xffffffff_87654321n);
      expect([memory.get(0x1008n), memory.get(0x1010n)]).to.deep.equal([0x87af9b654321abcdn, 5n]);
    });

    it('changes all 64 bits of the base of a TSS', () => {
      const { table } = gdt({ 5: 0x00008b0000000067n });
      table.setBase(5, 0xffff800012345678n);
      expect(table.read(5)).to.deep.equal({ base: 0xffff800012345678n, limit: 0x67, accessRights: 0x8b });
    });

    it('changes nothing of a TSS at the end of the table', () => {
      const { table, memory } = gdt({ 7: 0x00008b0000000067n });
      expect(() => table.setBase(7, 1n)).to.throw(VmcsError, /GDT index 8/);
      expect(memory.get(0x1038n)).to.equal(0x00008b0000000067n);
    });
  });

  describe('.setLimit', () => {
    it('takes bytes, and divides by pages if G is 1', () => {
      const { table, memory } = gdt({ 1: whole, 2: 0x004f92000000fffen });
      table.setLimit(1, 0x54321fff);
      table.setLimit(2, 0x12345);
      expect([memory.get(0x1008n), table.read(1).limit]).to.deep.equal([0x12a59b3456784321n, 0x54321fff]);
      expect(memory.get(0x1010n)).to.equal(0x0041920000002345n);
    });

    it('refuses what 20 bits cannot say', () => {
      expect(() => gdt({ 1: 0x00009b0000000000n }).table.setLimit(1, 0x100000)).to.throw(VmcsError, /20 bits/);
    });
  });

  describe('.setAccessRights', () => {
    it('changes the rights and nothing else', () => {
      const { table, memory } = gdt({ 1: whole });
      table.setAccessRights(1, 0x4092);
      expect(memory.get(0x1008n)).to.equal(0x124f92345678abcdn);
    });
  });

  const setters: [string, (table: GdtX64, index: number) => void][] = [
    ['setBase', (table, index) => table.setBase(index, 0n)],
    ['setLimit', (table, index) => table.setLimit(index, 0)],
    ['setAccessRights', (table, index) => table.setAccessRights(index, 0)],
  ];
  for (const [name, set] of setters) {
    for (const index of [0, 8]) {
      it(`.${name} refuses index ${index}`, () => {
        expect(() => set(gdt().table, index)).to.throw(VmcsError, new RegExp(`GDT index ${index}`));
      });
    }
  }

  describe('.ofSize', () => {
    it('makes a table of null descriptors', () => {
      const alloc = (bytes: number): bigint => (expect(bytes).to.equal(24), 0x8000n);
      const { register } = GdtX64.ofSize({ read64: () => 0n, write64: () => {} }, { alloc }, 3);
      expect(register).to.deep.equal({ base: 0x8000n, limit: 23 });
    });

    for (const entries of [0, 8193]) {
      it(`refuses ${entries} entries`, () => {
        const memory = { read64: () => 0n, write64: () => {} };
        expect(() => GdtX64.ofSize(memory, { alloc: () => 0n }, entries)).to.throw(VmcsError, /1 … 8192/);
      });
    }
  });

  it('gives an unusable segment for a selector of index 0, whatever its low bits', () => {
    for (const selector of [0, 3]) {
      expect(gdt().table.readSelector(selector)).to.deep.equal({ base: 0n, limit: 0, accessRights: 0x10000 });
    }
  });

  it('turns a busy TSS into an available one', () => {
    const { table } = gdt({ 5: 0x00008b0000000067n });
    table.markAvailable(5);
    expect(table.read(5).accessRights).to.equal(0x89);
  });
});
