// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { MemoryManagerError, OutOfMemoryError } from '../../../src/vmm/errors.js';
import { MemoryManagerX64 } from '../../../src/vmm/memory_manager/memory_manager_x64.js';
import { FakeMemory } from '../../support/fake_memory.js';
import { make } from '../../support/make.js';

function manager() {
  const memory = new FakeMemory();
  const it = make(MemoryManagerX64, { memory });
  it.init();
  return { it, memory, start: memory.regions[0]!.virtual };
}

const MiB = 1024 * 1024;

describe('MemoryManagerX64', () => {
  describe('.init', () => {
    it('refuses too little memory and says how much it wants', () => {
      const memory = Object.assign(new FakeMemory(), {
        regions: [{ virtual: 0x1000n, physical: 0x1000n, size: 4096 }],
      });
      expect(() => make(MemoryManagerX64, { memory }).init()).to.throw(MemoryManagerError, /4096 bytes.*41943040/);
      const none = Object.assign(new FakeMemory(), { regions: [] });
      expect(() => make(MemoryManagerX64, { memory: none }).init()).to.throw(MemoryManagerError, /0 bytes/);
    });
  });

  describe('.alloc', () => {
    it('takes multiples of a page from the page pool, aligned, and the rest from the heap', () => {
      const { it: mm, start } = manager();
      const page = mm.alloc(8192);
      const heap = mm.alloc(100);
      expect(page).to.equal(start + BigInt(8 * MiB));
      expect(heap).to.equal(start);
      expect([mm.size(page), mm.size(heap)]).to.deep.equal([8192, 128]);
    });

    it('gives zeroed memory', () => {
      const { it: mm, memory } = manager();
      const first = mm.alloc(4096);
      memory.write64(first, 5n);
      mm.free(first);
      for (let each = 0; each < 8192; each++) mm.alloc(4096);
      expect(memory.read64(first)).to.equal(0n);
    });

    it('throws when a pool is used up, naming it', () => {
      const { it: mm } = manager();
      mm.alloc(32 * MiB);
      expect(() => mm.alloc(4096)).to.throw(OutOfMemoryError, /page pool/);
      mm.alloc(8 * MiB - 1);
      expect(() => mm.alloc(1)).to.throw(OutOfMemoryError, /heap/);
      expect(() => mm.alloc(0)).to.throw(OutOfMemoryError);
    });

    it('ignores the free of a foreign address', () => {
      const { it: mm } = manager();
      mm.free(0x1234n);
      expect(mm.size(0x1234n)).to.equal(0);
    });
  });

  describe('.allocMap', () => {
    it('hands out addresses without memory in whole pages', () => {
      const { it: mm } = manager();
      const address = mm.allocMap(5000);
      expect(address).to.equal(0x200000n);
      expect(mm.sizeMap(address)).to.equal(8192);
      mm.freeMap(address);
      expect(mm.sizeMap(address)).to.equal(0);
      expect(() => mm.allocMap(9 * MiB)).to.throw(OutOfMemoryError, /map/);
    });
  });

  describe('translation', () => {
    it('goes both ways inside the region', () => {
      const { it: mm, memory } = manager();
      const region = memory.regions[0]!;
      expect(mm.virtualToPhysical(region.virtual + 0x12345n)).to.equal(region.physical + 0x12345n);
      expect(mm.physicalToVirtual(region.physical + 0x12345n)).to.equal(region.virtual + 0x12345n);
      expect(mm.virtualToAttributes(region.virtual)).to.equal(3);
    });

    it('knows pages that were added, until they are removed', () => {
      const { it: mm } = manager();
      mm.addDescriptor({ virtual: 0x200000n, physical: 0x7000n, attributes: 0x106 });
      expect(mm.virtualToPhysical(0x200123n)).to.equal(0x7123n);
      expect(mm.physicalToVirtual(0x7123n)).to.equal(0x200123n);
      expect(mm.virtualToAttributes(0x200fffn)).to.equal(0x106);
      expect(mm.descriptors()).to.deep.include({
        virtual: 0x200000n,
        physical: 0x7000n,
        attributes: 0x106,
        bytes: 4096,
      });
      mm.removeDescriptor(0x200000n);
      mm.removeDescriptor(0x200000n);
      expect(() => mm.virtualToPhysical(0x200123n)).to.throw(MemoryManagerError, /virtual address 0x200123/);
      expect(() => mm.physicalToVirtual(0x7123n)).to.throw(MemoryManagerError, /physical address 0x7123/);
    });

    it('knows large pages that were added, until they are removed', () => {
      const { it: mm } = manager();
      mm.addDescriptor({ virtual: 0x40000000n, physical: 0x80000000n, attributes: 0x106 }, 0x40000000);
      mm.addDescriptor({ virtual: 0xc0000000n, physical: 0x600000n, attributes: 0x106 }, 0x200000);
      expect(mm.virtualToPhysical(0x7fffffffn)).to.equal(0xbfffffffn);
      expect(mm.physicalToVirtual(0x7fffffn)).to.equal(0xc01fffffn);
      mm.removeDescriptor(0x40012345n);
      expect(() => mm.virtualToPhysical(0x40000000n)).to.throw(MemoryManagerError);
      expect(mm.physicalToVirtual(0x600000n)).to.equal(0xc0000000n);
    });

    it('finds a physical page at its newest address, and at the others when that is gone', () => {
      const { it: mm } = manager();
      for (const virtual of [0x200000n, 0x201000n, 0x202000n]) {
        mm.addDescriptor({ virtual, physical: 0x7000n, attributes: 0x106 });
      }
      const where = (): bigint => mm.physicalToVirtual(0x7010n);
      expect(where()).to.equal(0x202010n);
      mm.removeDescriptor(0x201000n);
      expect(where()).to.equal(0x202010n);
      mm.removeDescriptor(0x202000n);
      expect(where()).to.equal(0x200010n);
      mm.removeDescriptor(0x200000n);
      expect(where).to.throw(MemoryManagerError);
    });

    it('forgets what a new page covers', () => {
      const { it: mm } = manager();
      mm.addDescriptor({ virtual: 0x200000n, physical: 0x7000n, attributes: 0x106 });
      mm.addDescriptor({ virtual: 0x200000n, physical: 0x9000n, attributes: 0x106 });
      expect(mm.virtualToPhysical(0x200000n)).to.equal(0x9000n);
      expect(() => mm.physicalToVirtual(0x7000n)).to.throw(MemoryManagerError);
      mm.addDescriptor({ virtual: 0x200000n, physical: 0x40000000n, attributes: 0x106 }, 0x200000);
      expect(() => mm.physicalToVirtual(0x9000n)).to.throw(MemoryManagerError);
      mm.addDescriptor({ virtual: 0x200000n, physical: 0x60000000n, attributes: 0x106 }, 0x200000);
      expect(mm.descriptors().map(({ physical }) => physical)).to.deep.equal([0x1_0000_0000n, 0x60000000n]);
    });

    it('ignores the removal of what was never added, and of the driver’s own', () => {
      const { it: mm, start } = manager();
      mm.removeDescriptor(0n);
      mm.removeDescriptor(0x1234n);
      mm.removeDescriptor(start);
      expect(mm.descriptors()).to.have.length(1);
    });

    it('throws for 0 and for unknown pages', () => {
      const { it: mm } = manager();
      for (const address of [0n, 0x123000n]) {
        expect(() => mm.virtualToPhysical(address)).to.throw(MemoryManagerError);
        expect(() => mm.physicalToVirtual(address)).to.throw(MemoryManagerError);
        expect(() => mm.virtualToAttributes(address)).to.throw(MemoryManagerError);
      }
    });
  });

  describe('.addDescriptor', () => {
    const bad = [
      { virtual: 0x200001n, physical: 0x7000n, attributes: 3 },
      { virtual: 0x200000n, physical: 0x7001n, attributes: 3 },
      { virtual: 0n, physical: 0x7000n, attributes: 3 },
      { virtual: 0x200000n, physical: 0n, attributes: 3 },
      { virtual: 0x200000n, physical: 0x7000n, attributes: 0 },
    ];
    for (const descriptor of bad) {
      it(`refuses ${descriptor.virtual} → ${descriptor.physical}, attributes ${descriptor.attributes}`, () => {
        expect(() => manager().it.addDescriptor(descriptor)).to.throw(MemoryManagerError, /page-aligned and non-zero/);
      });
    }
  });

  it('says which physical memory is its own', () => {
    const { it: mm, memory } = manager();
    expect(mm.ownMemory()).to.deep.equal([{ physical: memory.regions[0]!.physical, bytes: 64 * MiB }]);
    const none = Object.assign(new FakeMemory(), { regions: [] });
    expect(make(MemoryManagerX64, { memory: none }).ownMemory()).to.deep.equal([]);
  });
});
