// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { MemoryAttribute } from '../../../src/vmm/memory_manager/memory_attributes.js';
import { VmmPageFault } from '../../../src/intrinsics/errors.js';
import { MemoryManagerError } from '../../../src/vmm/errors.js';
import { PageTableEntryBit as Bit } from '../../../src/vmm/memory_manager/page_table_entry_x64.js';
import { MemoryManagerX64 } from '../../../src/vmm/memory_manager/memory_manager_x64.js';
import { RootPageTableX64 } from '../../../src/vmm/memory_manager/root_page_table_x64.js';
import { FakeMemory } from '../../support/fake_memory.js';
import { make } from '../../support/make.js';
import { stubProcessor } from '../../support/stubs.js';

function table() {
  const memory = new FakeMemory();
  const manager = make(MemoryManagerX64, { memory });
  manager.init();
  const processor = stubProcessor();
  processor.invlpg.returns();
  const root = make(RootPageTableX64, { memory, manager, processor });
  return { memory, manager, root, processor };
}

function built() {
  const all = table();
  all.root.init();
  return all;
}

describe('RootPageTableX64', () => {
  it('maps the driver’s region writable, not executable, write-back, and becomes the translation', () => {
    const { root, memory } = built();
    const { virtual, physical } = memory.regions[0]!;
    expect(memory.root).to.equal(root.cr3 & ~0xfffn);
    expect(root.cr3 & 0xfffn).to.equal(0x1bn);
    const { entry, size } = root.virtualToEntry(virtual);
    expect(size).to.equal(0x200000);
    expect(entry & 0x000ffffffffff000n).to.equal(physical);
    expect(entry >> 63n, 'no execute').to.equal(1n);
    memory.write64(virtual + 0x3ff0000n, 7n);
    expect(memory.readPhysical64(physical + 0x3ff0000n)).to.equal(7n);
  });

  it('lets a read or write beyond its map fault', () => {
    const { memory } = built();
    expect(() => memory.read8(0x1000n)).to.throw(VmmPageFault, /read at 0x1000/);
  });

  it('refuses descriptors of the driver that are neither data nor code', () => {
    const { root, manager } = table();
    manager.addDescriptor({ virtual: 0x5000n, physical: 0x5000n, attributes: 7 });
    expect(() => root.init()).to.throw(MemoryManagerError, /type 0x7/);
  });

  it('maps read-and-execute descriptors as code', () => {
    const { root, manager, memory } = table();
    manager.addDescriptor({ virtual: 0x5000n, physical: 0x6000n, attributes: 5 });
    root.init();
    expect(root.virtualToEntry(0x5000n).entry & 0x80000000_00000fe7n).to.equal(1n);
    expect(() => memory.write8(0x5000n, 1)).to.throw(VmmPageFault, /write/);
  });

  describe('.mapAlias', () => {
    it('maps memory that is mapped elsewhere, in pages of any size, and adds no descriptor', () => {
      const { root, manager } = built();
      const before = manager.descriptors().length;
      for (const [virtual, physical, size] of [
        [0x1000n, 0x5000n, 0x1000],
        [0x40000000n, 0x600000n, 0x200000],
        [0x80_0000_0000n, 0x40000000n, 0x40000000],
      ] as const) {
        root.mapAlias(virtual, physical, MemoryAttribute.rwWb, size);
        const found = root.virtualToEntry(virtual + BigInt(size) - 1n);
        expect(found.size).to.equal(size);
        expect(found.entry & 0x000ffffffffff000n).to.equal(physical);
        expect(() => manager.virtualToPhysical(virtual)).to.throw(MemoryManagerError);
      }
      expect(manager.descriptors()).to.have.length(before);
    });

    it('maps virtual and physical address 0, which have no descriptor', () => {
      const { root, memory } = built();
      root.mapAlias(0x4000_0000_0000n, 0n, MemoryAttribute.rwWb, 0x40000000);
      memory.write64(0x4000_0000_1230n, 7n);
      expect(memory.readPhysical64(0x1230n)).to.equal(7n);
      root.mapAlias(0n, 0x1000n, MemoryAttribute.rwWb, 0x1000);
      expect(memory.read64(0x230n)).to.equal(7n);
    });

    it('refuses an address inside a page of the size, and maps nothing', () => {
      const { root, memory } = built();
      for (const [virtual, physical] of [
        [0x40001000n, 0x200000n],
        [0x40000000n, 0x201000n],
      ] as const) {
        expect(() => root.mapAlias(virtual, physical, MemoryAttribute.rwWb, 0x200000)).to.throw(
          MemoryManagerError,
          /aligned to the page of 0x200000 bytes/,
        );
      }
      expect(() => memory.read8(0x40000000n)).to.throw(VmmPageFault);
    });
  });

  describe('.map4k, .map2m, .map1g', () => {
    it('map pages of their size', () => {
      const { root } = built();
      root.map4k(0x1000n, 0x2000n, MemoryAttribute.rwWb);
      root.map2m(0x40000000n, 0x200000n, MemoryAttribute.ptUc);
      root.map1g(0x80_0000_0000n, 0x40000000n, MemoryAttribute.reWb);
      expect(root.virtualToEntry(0x1fffn).size).to.equal(0x1000);
      expect(root.virtualToEntry(0x401fffffn).size).to.equal(0x200000);
      expect(root.virtualToEntry(0x80_3fff_ffffn).size).to.equal(0x40000000);
    });

    it('add memory descriptors, which unmap takes away', () => {
      const { root, manager } = built();
      root.map4k(0x1000n, 0x2000n, MemoryAttribute.rwWb);
      root.map2m(0x40000000n, 0x600000n, MemoryAttribute.rwUc);
      expect(manager.virtualToPhysical(0x1234n)).to.equal(0x2234n);
      expect(manager.virtualToAttributes(0x1234n)).to.equal(MemoryAttribute.rwWb);
      expect(manager.physicalToVirtual(0x7fffffn)).to.equal(0x401fffffn);
      root.unmap(0x1fffn);
      root.unmap(0x40012345n);
      expect(() => manager.virtualToPhysical(0x1234n)).to.throw(MemoryManagerError);
      expect(() => manager.physicalToVirtual(0x600000n)).to.throw(MemoryManagerError);
    });

    it('replace smaller pages, whose tables come back', () => {
      const { root, manager } = built();
      const before = root.tablesToDescriptors().length;
      root.map4k(0x40000000n, 0x2000n, MemoryAttribute.rwWb);
      root.map4k(0x40201000n, 0x3000n, MemoryAttribute.rwWb);
      root.map1g(0x40000000n, 0x80000000n, MemoryAttribute.rwWb);
      expect(manager.virtualToPhysical(0x40201000n)).to.equal(0x80201000n);
      expect(() => manager.physicalToVirtual(0x3000n)).to.throw(MemoryManagerError);
      root.unmap(0x40000000n);
      expect(root.tablesToDescriptors()).to.have.length(before);
    });

    it('map a page again with other attributes', () => {
      const { root, manager } = built();
      root.map4k(0x1000n, 0x2000n, MemoryAttribute.rwWb);
      root.map4k(0x1000n, 0x5000n, MemoryAttribute.reUc);
      expect(manager.virtualToPhysical(0x1000n)).to.equal(0x5000n);
      expect(() => manager.physicalToVirtual(0x2000n)).to.throw(MemoryManagerError);
      expect(root.virtualToPte(0x1000n).rw).to.equal(false);
    });

    const refused: [string, (root: RootPageTableX64) => void][] = [
      ['a virtual address inside a page', (root) => root.map4k(0x1001n, 0x2000n, MemoryAttribute.rwWb)],
      ['a physical address inside a page', (root) => root.map4k(0x1000n, 0x2001n, MemoryAttribute.rwWb)],
      ['2 MiB at a page of 4 KiB', (root) => root.map2m(0x1000n, 0x200000n, MemoryAttribute.rwWb)],
      ['1 GiB to a page of 2 MiB', (root) => root.map1g(0n, 0x200000n, MemoryAttribute.rwWb)],
      ['attributes without a meaning', (root) => root.map4k(0x1000n, 0x2000n, 0x406)],
      ['a physical address of more than 52 bits', (root) => root.map4k(0x1000n, 1n << 52n, MemoryAttribute.rwWb)],
    ];
    for (const [what, map] of refused) {
      it(`refuse ${what}`, () => {
        const { root, manager } = built();
        expect(() => map(root)).to.throw(MemoryManagerError);
        expect(() => root.virtualToEntry(0x1000n)).to.throw(MemoryManagerError);
        expect(manager.descriptors()).to.have.length(1);
      });
    }

    it('refuse to map inside a larger page', () => {
      const { root } = built();
      root.map2m(0x40000000n, 0x200000n, MemoryAttribute.rwWb);
      expect(() => root.map4k(0x40001000n, 0x1000n, MemoryAttribute.rwWb)).to.throw(MemoryManagerError, /larger page/);
    });
  });

  describe('.unmap', () => {
    it('takes the page away, invalidates it and frees tables that became empty', () => {
      const { root, manager, processor } = built();
      const before = manager.alloc(4096);
      manager.free(before);
      root.map4k(0x1000n, 0x2000n, MemoryAttribute.rwWb);
      root.map4k(0x2000n, 0x3000n, MemoryAttribute.rwWb);
      root.unmap(0x1000n);
      expect(() => root.virtualToEntry(0x1000n)).to.throw(MemoryManagerError, /0x1000 is not mapped/);
      expect(root.virtualToEntry(0x2000n).entry & ~0xfffn & (2n ** 63n - 1n)).to.equal(0x3000n);
      root.unmap(0x2000n);
      expect(processor.invlpg.args.flat()).to.deep.equal([0x1000n, 0x2000n]);
      expect(() => root.virtualToEntry(0x2000n)).to.throw(MemoryManagerError);
      root.unmap(0x2000n);
    });

    it('lets a neighbour be mapped again afterwards', () => {
      const { root } = built();
      root.map4k(0x1000n, 0x2000n, MemoryAttribute.rwWb);
      root.unmap(0x1000n);
      root.map4k(0x2000n, 0x3000n, MemoryAttribute.rwWb);
      expect(root.virtualToEntry(0x2000n).size).to.equal(0x1000);
    });
  });

  describe('.setupIdentityMap1g, .setupIdentityMap2m, .setupIdentityMap4k', () => {
    const maps = [
      ['setupIdentityMap1g', 0x40000000],
      ['setupIdentityMap2m', 0x200000],
      ['setupIdentityMap4k', 0x1000],
    ] as const;
    for (const [method, size] of maps) {
      it(`${method} maps addresses to themselves, read, write, execute, write-back, without the end`, () => {
        const { root, manager } = built();
        const page = BigInt(size);
        root[method](0n, 2n * page);
        const { entry, size: found } = root.virtualToEntry(page + 5n);
        expect(found).to.equal(size);
        expect(entry & 0x000fffffffffe000n & ~(page - 1n)).to.equal(page & ~0x1fffn);
        expect(entry & (Bit.rw | Bit.nx | Bit.pwt | Bit.pcd)).to.equal(Bit.rw | Bit.pwt | Bit.pcd);
        expect(manager.virtualToPhysical(page + 5n)).to.equal(page + 5n);
        expect(() => root.virtualToEntry(2n * page)).to.throw(MemoryManagerError);
      });

      it(`${method} refuses ends that do not fit its pages`, () => {
        const { root } = built();
        const page = BigInt(size);
        expect(() => root[method](1n, page)).to.throw(MemoryManagerError, /aligned/);
        expect(() => root[method](0n, page + 8n)).to.throw(MemoryManagerError, /aligned/);
        expect(() => root.virtualToEntry(0n)).to.throw(MemoryManagerError);
      });
    }

    it('map nothing when the end is not above the start', () => {
      const { root } = built();
      root.setupIdentityMap4k(0x3000n, 0x3000n);
      root.setupIdentityMap4k(0x3000n, 0x1000n);
      expect(() => root.virtualToEntry(0x3000n)).to.throw(MemoryManagerError);
    });
  });

  describe('.virtualToPte', () => {
    it('gives the entry in place: a change of its bits is a change of the map', () => {
      const { root, memory } = built();
      root.map4k(0x1000n, 0x2000n, MemoryAttribute.rwWb);
      const pte = root.virtualToPte(0x1234n);
      expect([pte.physAddr, pte.rw, pte.size]).to.deep.equal([0x2000n, true, 0x1000]);
      pte.rw = false;
      expect(() => memory.write8(0x1000n, 1)).to.throw(VmmPageFault, /write/);
      pte.clear();
      expect(() => root.virtualToPte(0x1000n)).to.throw(MemoryManagerError, /not mapped/);
    });

    it('knows the size of large pages', () => {
      const { root } = built();
      root.map2m(0x40000000n, 0x600000n, MemoryAttribute.rwWb);
      root.map1g(0x80000000n, 0xc0000000n, MemoryAttribute.rwWb);
      expect([root.virtualToPte(0x40000000n).physAddr, root.virtualToPte(0x80000000n).physAddr]).to.deep.equal([
        0x600000n,
        0xc0000000n,
      ]);
    });
  });

  it('says where its own tables are', () => {
    const { root, memory } = built();
    const before = root.tablesToDescriptors();
    expect(before[0]!.physical).to.equal(root.cr3 & ~0xfffn);
    expect(before.map(({ virtual }) => memory.translate(virtual, 'write'))).to.deep.equal(
      before.map(({ physical }) => physical),
    );
    root.map4k(0x7f_0000_1000n, 0x2000n, MemoryAttribute.rwWb);
    expect(root.tablesToDescriptors().length).to.equal(before.length + 3);
    root.unmap(0x7f_0000_1000n);
    expect(root.tablesToDescriptors()).to.deep.equal(before);
  });
});
