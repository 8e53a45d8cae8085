// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { emptyPool, MemPool } from '../../../src/vmm/memory_manager/mem_pool.js';

const pool = (): MemPool => new MemPool(emptyPool(0x1000n, 0x400, 6));

describe('MemPool', () => {
  it('hands out granules one after the other', () => {
    const it = pool();
    expect([it.alloc(1), it.alloc(65), it.alloc(64)]).to.deep.equal([0x1000n, 0x1040n, 0x10c0n]);
  });

  it('gives nothing for size 0 and for more than there is', () => {
    expect(pool().alloc(0)).to.equal(undefined);
    expect(pool().alloc(0x401)).to.equal(undefined);
  });

  it('can be used up whole, and again after free', () => {
    const it = pool();
    expect(it.alloc(0x400)).to.equal(0x1000n);
    expect(it.alloc(1)).to.equal(undefined);
    it.free(0x1000n);
    expect(it.alloc(0x400)).to.equal(0x1000n);
  });

  it('searches on after the last allocation, and wraps', () => {
    const it = pool();
    const [first] = [it.alloc(0x40)!, it.alloc(0x40)!];
    it.free(first);
    expect(it.alloc(0x40), 'not the gap behind').to.equal(0x1080n);
    expect(it.alloc(0x340)).to.equal(0x10c0n);
    expect(it.alloc(0x40), 'now the gap').to.equal(first);
  });

  it('joins neighbours that were freed', () => {
    const it = pool();
    const all = Array.from({ length: 16 }, () => it.alloc(0x40)!);
    for (const each of all.slice(3, 7)) it.free(each);
    expect(it.alloc(0x140)).to.equal(undefined);
    expect(it.alloc(0x100)).to.equal(all[3]);
  });

  it('knows sizes, and ignores foreign addresses', () => {
    const it = pool();
    const address = it.alloc(100)!;
    expect(it.size(address)).to.equal(128);
    expect(it.size(address + 64n)).to.equal(0);
    expect(it.size(0n)).to.equal(0);
    it.free(0xdead0000n);
    it.free(address + 64n);
    it.free(address);
    it.free(address);
    expect(it.size(address)).to.equal(0);
  });

  it('forgets all on clear', () => {
    const it = pool();
    it.alloc(0x400);
    it.clear();
    expect(it.alloc(0x400)).to.equal(0x1000n);
  });

  it('goes on with another state, as a new pool with that state does', () => {
    const saved = emptyPool(0x1000n, 0x400, 6);
    const [it, other] = [pool(), new MemPool(saved)];
    for (let i = 0; i < 8; i++) it.alloc(0x80);
    other.alloc(0x40);
    other.free(other.alloc(0x80)!);
    other.alloc(0x100);
    it.goOn(structuredClone(saved));
    const rest = (each: MemPool): (bigint | undefined)[] => Array.from({ length: 20 }, () => each.alloc(0x40));
    expect(rest(it)).to.deep.equal(rest(other));
  });

  it('has only its allocations as state', () => {
    const saved = emptyPool(0x1000n, 0x400, 6);
    const it = new MemPool(saved);
    it.free(it.alloc(0x100)!);
    it.alloc(0x80);
    expect(saved).to.deep.equal({
      start: 0x1000n,
      bytes: 0x400,
      granuleShift: 6,
      allocations: new Map([[4, 2]]),
      next: 6,
    });
  });

  it('contains its range', () => {
    expect([0xfffn, 0x1000n, 0x13ffn, 0x1400n].map((at) => pool().contains(at))).to.deep.equal([
      false,
      true,
      true,
      false,
    ]);
  });
});
