// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { MemoryManagerError } from '../../../src/vmm/errors.js';
import { MemoryManagerX64 } from '../../../src/vmm/memory_manager/memory_manager_x64.js';
import { PageTables } from '../../../src/vmm/memory_manager/page_tables.js';
import { FakeMemory } from '../../support/fake_memory.js';
import { make } from '../../support/make.js';

const size4k = 0x1000;
const size2m = 0x200000;
const size1g = 0x40000000;
const large = 0x80n;

function tables() {
  const memory = new FakeMemory();
  const manager = make(MemoryManagerX64, { memory });
  manager.init();
  const it = PageTables.make(memory, manager, { table: 7n, present: (1n << 64n) - 1n, large });
  const at = (address: bigint): [bigint, number] => {
    const { entry, place } = it.lookup(address);
    return [entry, place.level];
  };
  return { it, at };
}

describe('PageTables', () => {
  it('splits a page of 1 GiB to the level that is asked for, and the parts map the same', () => {
    const { it, at } = tables();
    it.map(0n, size1g, 7n | large);
    expect(it.split(0x200000n, 1).level, 'it is there already').to.equal(1);
    expect(it.split(0x200000n, 2).level).to.equal(2);
    expect(at(0x200000n)).to.deep.equal([0x200087n, 2]);
    expect(at(0x3fe00000n)).to.deep.equal([0x3fe00087n, 2]);
    expect(it.split(0x201000n).level).to.equal(3);
    expect(at(0x201000n), 'no large-page bit at the last level').to.deep.equal([0x201007n, 3]);
    expect(at(0x400000n)).to.deep.equal([0x400087n, 2]);
    expect(it.pages()).to.have.length(4);
  });

  it('joins only the pages that a split makes, level by level, and gives their tables back', () => {
    const { it, at } = tables();
    const giga = 7n | large;
    it.map(0n, size1g, giga);
    expect(it.join(0n, giga), 'it is whole').to.equal(false);
    it.split(0x201000n);
    expect(it.join(0x201000n, 0x200005n | large), 'another entry').to.equal(false);
    it.map(0x3ff000n, size4k, 0x3ff005n);
    expect(it.join(0x201000n, 0x200007n | large), 'its last page is another').to.equal(false);
    it.map(0x3ff000n, size4k, 0x3ff007n);
    expect(it.join(0x201000n, 0x200007n | large)).to.equal(true);
    expect(at(0x201000n)).to.deep.equal([0x200087n, 2]);
    expect(it.join(0n, giga)).to.equal(true);
    expect(at(0x201000n)).to.deep.equal([0x87n, 1]);
    expect(it.pages()).to.have.length(2);
    it.split(0x201000n);
    it.map(0x201000n, size4k, 0n);
    expect(at(0x201000n), 'it forgot the tables that it gave back').to.deep.equal([0n, 3]);
  });

  it('looks up an unmapped range, and its size', () => {
    const { it, at } = tables();
    expect(at(0n)).to.deep.equal([0n, 0]);
    it.map(0n, size4k, 7n);
    expect(at(0x1000n)).to.deep.equal([0n, 3]);
    expect(at(0x200000n)).to.deep.equal([0n, 2]);
    expect(at(0x40000000n)).to.deep.equal([0n, 1]);
    expect(() => it.split(0x200000n)).to.throw(MemoryManagerError, '0x200000 is not mapped');
  });

  it('gives back the tables that a larger page replaces, and can still map next to it', () => {
    const { it, at } = tables();
    for (let page = 0n; page < 4n; page++) it.map(page * 0x1000n, size4k, (page << 12n) | 7n);
    it.map(0x200000n, size2m, 0x200000n | 7n | large);
    expect(it.pages()).to.have.length(4);
    it.map(0n, size2m, 7n | large);
    expect(at(0x3000n)).to.deep.equal([0x87n, 2]);
    expect(it.pages()).to.have.length(3);
    it.map(0n, size1g, 7n | large);
    expect(it.pages()).to.have.length(2);
    it.map(0x40000000n, size4k, 0x40000007n);
    expect(it.pages()).to.have.length(4);
    expect(at(0x40000000n)).to.deep.equal([0x40000007n, 3]);
    it.unmap(0n);
    it.unmap(0x40000000n);
    expect(it.pages(), 'the root stays').to.have.length(1);
  });

  it('refuses a page inside a larger one', () => {
    const { it } = tables();
    it.map(0n, size2m, 7n | large);
    expect(() => it.map(0x1000n, size4k, 0x1007n)).to.throw(MemoryManagerError, /larger page/);
  });
});
