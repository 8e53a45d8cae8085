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

    it('leaves the entry behind a code segment alone', () => {
      const { table, memory } = gdt({ 2: 5n });
      table.write(1, { base: 0n, limit: 0xffffffff, accessRights: 0xa09b });
      expect(memory.get(0x1010n)).to.equal(5n);
    });
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
