// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PAT_VALUE } from '../../../src/vmm/memory_manager/memory_attributes.js';
import { MemoryManagerError, OutOfMemoryError } from '../../../src/vmm/errors.js';
import type { GuestAccess } from '../../../src/vmm/memory_manager/guest_memory.js';
import { GuestMemoryX64 } from '../../../src/vmm/memory_manager/guest_memory_x64.js';
import { MemoryManagerX64 } from '../../../src/vmm/memory_manager/memory_manager_x64.js';
import { PhysicalWindowX64 } from '../../../src/vmm/memory_manager/physical_window_x64.js';
import { RootPageTableX64 } from '../../../src/vmm/memory_manager/root_page_table_x64.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { make } from '../../support/make.js';

function guestMemory() {
  const { memory, processor, calls, accessors } = new FakeMachine();
  const manager = make(MemoryManagerX64, { memory });
  manager.init();
  const rootPageTable = make(RootPageTableX64, { memory, manager, processor });
  rootPageTable.init();
  const window = make(PhysicalWindowX64, { rootPageTable, cpuid: accessors.cpuid });
  return {
    memory,
    manager,
    rootPageTable,
    calls,
    it: make(GuestMemoryX64, { memory, manager, rootPageTable, processor, window }),
  };
}

/** A guest's page table at 0x9000: 0x400000 → 0x20000, 0x401000 → 0x30000, 0x600000 2 MiB → 0x800000, 512 GiB 1 GiB → 0x40000000. */
function withGuestTable() {
  const all = guestMemory();
  const { memory } = all;
  memory.writePhysical64(0x9000n, 0xa007n);
  memory.writePhysical64(0xa000n, 0xb007n);
  memory.writePhysical64(0xb000n + 2n * 8n, 0xc007n);
  memory.writePhysical64(0xb000n + 3n * 8n, 0x800087n);
  memory.writePhysical64(0xc000n, 0x20007n);
  memory.writePhysical64(0xc008n, 0x3001fn);
  memory.writePhysical64(0x9008n, 0xd007n);
  memory.writePhysical64(0xd000n, 0x40000087n);
  return all;
}

const cr3 = 0x9000n;

describe('GuestMemoryX64', () => {
  describe('reads and writes', () => {
    it('of physical memory, at any alignment and across pages, map no page and allocate none', () => {
      const { it, memory, manager } = guestMemory();
      it.readPhysical64(0n);
      const before = [manager.alloc(4096), manager.descriptors().length, manager.sizeMap(0x200000n)];
      memory.writePhysical64(0x5ff8n, 0x1122334455667788n);
      memory.writePhysical64(0x6000n, 0x99n);
      expect(it.readPhysical64(0x5ff8n)).to.equal(0x1122334455667788n);
      expect(it.readPhysical64(0x5ffen)).to.equal(0x991122n);
      expect([...it.readPhysical(0x5fffn, 3)]).to.deep.equal([0x11, 0x99, 0]);
      it.writePhysical64(0x5ffcn, 0xaabbccdd_00112233n);
      expect([memory.readPhysical64(0x5ff8n), memory.readPhysical64(0x6000n)]).to.deep.equal([
        0x0011223355667788n,
        0xaabbccddn,
      ]);
      it.writePhysical(0x6001n, Uint8Array.of(1, 2));
      it.writePhysical(0x6001n, new Uint8Array(0));
      expect(memory.readPhysical64(0x6000n)).to.equal(0xaa0201ddn);
      const next = manager.alloc(4096);
      expect([next - 4096n, manager.descriptors().length, manager.sizeMap(0x200000n)]).to.deep.equal(before);
    });

    it('of virtual memory go through the guest’s page table, across pages that lie apart', () => {
      const { it, memory } = withGuestTable();
      memory.writePhysical64(0x20ff8n, 0x1122334455667788n);
      memory.writePhysical64(0x30000n, 0x99n);
      memory.writePhysical64(0x812ff8n, 5n);
      memory.writePhysical64(0x52345008n, 6n);
      expect(it.readVirtual64(0x400ff8n, cr3)).to.equal(0x1122334455667788n);
      expect(it.readVirtual64(0x400ffen, cr3)).to.equal(0x991122n);
      expect(it.readVirtual64(0x612ff8n, cr3 | 0x8000000000000fffn), 'a page of 2 MiB').to.equal(5n);
      expect(it.readVirtual64(0x80_1234_5008n, cr3), 'a page of 1 GiB').to.equal(6n);
      expect([...it.readVirtual(0x400fffn, cr3, 2)]).to.deep.equal([0x11, 0x99]);
      it.writeVirtual(0x400ffen, cr3, Uint8Array.of(1, 2, 3, 4));
      expect([memory.readPhysical64(0x20ff8n), memory.readPhysical64(0x30000n)]).to.deep.equal([
        0x0201334455667788n,
        0x0403n,
      ]);
      it.writeVirtual64(0x400ffcn, cr3, 0xaabbccdd_00112233n);
      expect([memory.readPhysical64(0x20ff8n), memory.readPhysical64(0x30000n)]).to.deep.equal([
        0x0011223355667788n,
        0xaabbccddn,
      ]);
    });

    it('of virtual memory touch nothing if one page is missing, or not for the access', () => {
      const { it, memory } = withGuestTable();
      const miss = /0x402000 is not mapped: its entry in the page table at 0xc000 is 0x0/;
      expect(() => it.readVirtual64(0x401ffcn, cr3)).to.throw(MemoryManagerError, miss);
      expect(() => it.writeVirtual(0x401ff8n, cr3, new Uint8Array(16).fill(7))).to.throw(MemoryManagerError, miss);
      expect(memory.readPhysical64(0x30ff8n)).to.equal(0n);
      memory.writePhysical64(0xc000n, 0x20005n);
      expect(it.readVirtual64(0x400000n, cr3, 'user read')).to.equal(0n);
      expect(() => it.writeVirtual64(0x400000n, cr3, 1n, 'user write')).to.throw(MemoryManagerError, /read-only/);
      memory.writePhysical64(0xc000n, 0x20003n);
      expect(() => it.readVirtual64(0x400000n, cr3, 'user read')).to.throw(MemoryManagerError, /not for user mode/);
    });

    it('refuse addresses that no page table translates', () => {
      const { it } = withGuestTable();
      for (const virtual of [0x8000_0000_0000n, 0xffff_7fff_ffff_ffffn, 1n << 64n, -1n]) {
        expect(() => it.readVirtual64(virtual, cr3)).to.throw(MemoryManagerError, /canonical/);
      }
      expect(() => it.readPhysical64(1n << 46n)).to.throw(MemoryManagerError, /beyond the 46 bits/);
    });

    it("refuse the VMM's own memory, from its first byte to its last", () => {
      const { it, memory } = withGuestTable();
      const { physical, size } = memory.regions[0]!;
      const own = /VMM's own/;
      for (const address of [physical - 7n, physical, physical + BigInt(size) - 1n]) {
        expect(() => it.readPhysical64(address)).to.throw(MemoryManagerError, own);
        expect(() => it.writePhysical64(address, 1n)).to.throw(MemoryManagerError, own);
        expect(() => it.readPhysical(address, 8)).to.throw(MemoryManagerError, own);
      }
      expect(it.readPhysical64(physical - 8n)).to.equal(0n);
      expect(it.readPhysical64(physical + BigInt(size))).to.equal(0n);
      memory.writePhysical64(0xc008n, physical | 7n);
      expect(() => it.writeVirtual(0x400ff8n, cr3, new Uint8Array(16).fill(7))).to.throw(MemoryManagerError, own);
      expect(memory.readPhysical64(0x20ff8n)).to.equal(0n);
    });
  });

  describe('.mapVirtual', () => {
    it('reads and writes across pages that lie apart', () => {
      const { it, memory } = withGuestTable();
      memory.writePhysical64(0x20ff8n, 0x1122334455667788n);
      memory.writePhysical64(0x30000n, 0x99n);
      const map = it.mapVirtual(0x400ffen, cr3, 4, PAT_VALUE);
      expect([...map.read()]).to.deep.equal([0x22, 0x11, 0x99, 0]);
      map.write(Uint8Array.of(1, 2, 3, 4));
      expect(memory.readPhysical64(0x20ff8n)).to.equal(0x0201334455667788n);
      expect(memory.readPhysical64(0x30000n)).to.equal(0x0403n);
      map.release();
    });

    it('ignores the low bits of CR3', () => {
      const { it } = withGuestTable();
      it.mapVirtual(0x400000n, cr3 | 0x8000000000000fffn, 1, PAT_VALUE).release();
    });

    it("takes the memory type from the guest's PAT entry", () => {
      const { it, rootPageTable } = withGuestTable();
      const pat = PAT_VALUE & ~(0xffn << 24n);
      const map = it.mapVirtual(0x401000n, cr3, 1, pat | (6n << 24n));
      expect(rootPageTable.virtualToEntry(map.address).entry & 0x18n, 'PAT entry 3 holds write-back').to.equal(0x18n);
      map.release();
      const uncached = it.mapVirtual(0x401000n, cr3, 1, pat);
      expect(rootPageTable.virtualToEntry(uncached.address).entry & 0x18n).to.equal(0n);
    });

    it('maps from pages of 2 MiB and 1 GiB', () => {
      const { it, memory } = withGuestTable();
      memory.writePhysical64(0x812ff8n, 0x1122334455667788n);
      memory.writePhysical64(0x52345008n, 0x99n);
      const large = it.mapVirtual(0x612ffan, cr3, 8, PAT_VALUE);
      expect([...large.read(0, 4)]).to.deep.equal([0x66, 0x55, 0x44, 0x33]);
      expect(large.size).to.equal(8);
      const huge = it.mapVirtual(0x80_1234_5008n, cr3, 4096, PAT_VALUE);
      expect(huge.read64()).to.equal(0x99n);
      large.release();
      huge.release();
    });

    it('walks through pages of 4 KiB, 2 MiB and 1 GiB', () => {
      const { it } = withGuestTable();
      expect(it.virtualToPhysical(0x401234n, cr3)).to.equal(0x30234n);
      expect(it.virtualToPhysical(0x612345n, cr3)).to.equal(0x812345n);
      expect(it.virtualToPhysical(0x80_1234_5678n, cr3)).to.equal(0x52345678n);
    });

    it('names address and level of an entry that is not present, and leaves nothing mapped', () => {
      const { it, manager } = withGuestTable();
      expect(() => it.mapVirtual(0x401ff0n, cr3, 64, PAT_VALUE)).to.throw(
        MemoryManagerError,
        /0x402000.*page table at 0xc000/,
      );
      expect(() => it.mapVirtual(0x40000000n, cr3, 1, PAT_VALUE)).to.throw(
        MemoryManagerError,
        /page-directory-pointer table/,
      );
      expect(manager.descriptors()).to.have.length(1);
    });

    it('refuses addresses that are not canonical, and runs into them', () => {
      const { it } = withGuestTable();
      const [last, first] = [0x7fff_ffff_ffffn, 0xffff_8000_0000_0000n];
      for (const [virtual, bytes] of [
        [last, 2],
        [last + 1n, 1],
        [first - 1n, 1],
        [2n ** 64n - 1n, 2],
      ] as const) {
        expect(() => it.mapVirtual(virtual, cr3, bytes, PAT_VALUE)).to.throw(MemoryManagerError, /canonical/);
      }
      expect(() => it.virtualToPhysical(last + 1n, cr3)).to.throw(MemoryManagerError, /canonical/);
      expect(() => it.virtualToPhysical(first, cr3), 'canonical, and not there').to.throw(
        MemoryManagerError,
        /not mapped/,
      );
    });

    describe('for user mode', () => {
      const levels: [string, bigint, bigint][] = [
        ['PML4', 0x9000n, 0xa000n],
        ['page-directory-pointer table', 0xa000n, 0xb000n],
        ['page directory', 0xb010n, 0xc000n],
        ['page table', 0xc000n, 0x20000n],
      ];
      for (const [level, place, target] of levels) {
        it(`wants the ${level} to allow it`, () => {
          const { it: memory, memory: physical } = withGuestTable();
          const map = (access?: GuestAccess): void => memory.mapVirtual(0x400000n, cr3, 8, PAT_VALUE, access).release();
          map('user write');
          physical.writePhysical64(place, target | 3n);
          expect(() => map('user read')).to.throw(MemoryManagerError, new RegExp(`not for user mode: .* ${level} at`));
          map();
          physical.writePhysical64(place, target | 5n);
          map('user read');
          expect(() => map('user write')).to.throw(MemoryManagerError, new RegExp(`read-only: .* ${level} at`));
        });
      }
    });

    it('undoes the pages that it mapped when one cannot be', () => {
      const { it, memory, manager, rootPageTable } = withGuestTable();
      memory.writePhysical64(0xc008n, memory.regions[0]!.physical | 7n);
      expect(() => it.mapVirtual(0x400000n, cr3, 8192, PAT_VALUE)).to.throw(MemoryManagerError, /VMM's own/);
      expect(() => rootPageTable.virtualToEntry(0x200000n)).to.throw(MemoryManagerError);
      expect(manager.descriptors()).to.have.length(1);
    });

    it('refuses 0 bytes and address 0', () => {
      const { it } = withGuestTable();
      expect(() => it.mapVirtual(0n, cr3, 8, PAT_VALUE)).to.throw(MemoryManagerError);
      expect(() => it.mapVirtual(0x400000n, cr3, 0, PAT_VALUE)).to.throw(MemoryManagerError);
    });

    it("refuses the VMM's own memory", () => {
      const { it, memory } = withGuestTable();
      memory.writePhysical64(0xc000n, memory.regions[0]!.physical | 7n);
      expect(() => it.mapVirtual(0x400000n, cr3, 8, PAT_VALUE)).to.throw(MemoryManagerError, /VMM's own/);
    });
  });

  describe('.mapPage', () => {
    it('maps one page, writable and write-back unless told otherwise', () => {
      const { it, memory, rootPageTable, manager } = guestMemory();
      memory.writePhysical64(0x5ff8n, 7n);
      const map = it.mapPage(0x5000n);
      expect([map.size, map.read64(0xff8)]).to.deep.equal([4096, 7n]);
      expect(manager.virtualToAttributes(map.address)).to.equal(0x106);
      const code = it.mapPage(0x6000n, 0x200);
      expect(rootPageTable.virtualToPte(code.address)).to.include({ rw: false, nx: false, patIndex: 0 });
    });

    it('refuses addresses inside a page, and attributes without a meaning; nothing stays mapped', () => {
      const { it, manager } = guestMemory();
      expect(() => it.mapPage(0x5008n)).to.throw(MemoryManagerError, /0x5008/);
      expect(() => it.mapPage(0x5000n, 0x402)).to.throw(MemoryManagerError, /attributes/);
      expect([manager.descriptors().length, manager.sizeMap(0x200000n)]).to.deep.equal([1, 0]);
    });

    it('maps page 0, which has no descriptor', () => {
      const { it, memory, manager } = guestMemory();
      memory.writePhysical64(8n, 0x1234n);
      const map = it.mapPage(0n);
      expect(map.read64(8)).to.equal(0x1234n);
      expect(() => manager.virtualToPhysical(map.address)).to.throw(MemoryManagerError);
      map.release();
      expect(manager.sizeMap(0x200000n)).to.equal(0);
    });
  });

  describe('.mapPhysical', () => {
    const gaps = [
      ['a first piece that ends inside a page', [0x5000n, 8], [0x8000n, 8]],
      ['a second piece that begins inside a page', [0x5000n, 4096], [0x8008n, 8]],
      ['a piece of nothing', [0x5000n, 4096], [0x8000n, 0]],
      ['a piece of less than nothing', [0x5000n, -4096], [0x8000n, 8]],
    ] as const;
    for (const [what, ...pieces] of gaps) {
      it(`refuses ${what}`, () => {
        const { it, manager } = guestMemory();
        const list = pieces.map(([physical, bytes]) => ({ physical, bytes }));
        expect(() => it.mapPhysical(list)).to.throw(MemoryManagerError, /page boundaries/);
        expect(manager.descriptors()).to.have.length(1);
      });
    }

    it('puts pieces one after the other', () => {
      const { it, memory } = guestMemory();
      memory.writePhysical64(0x5ff8n, 1n);
      memory.writePhysical64(0x8000n, 2n);
      const map = it.mapPhysical([
        { physical: 0x5ff8n, bytes: 8 },
        { physical: 0x8000n, bytes: 4096 },
      ]);
      expect([map.read64(), map.read64(8)]).to.deep.equal([1n, 2n]);
      map.write64(3n, 8);
      expect(memory.readPhysical64(0x8000n)).to.equal(3n);
      expect(map.size).to.equal(4104);
    });

    it('refuses nothing at all, and undoes when the addresses run out', () => {
      const { it, manager } = guestMemory();
      expect(() => it.mapPhysical([])).to.throw(MemoryManagerError);
      expect(() => it.mapPhysical([{ physical: 0x100000n, bytes: 9 * 1024 * 1024 }])).to.throw(OutOfMemoryError);
      expect(manager.descriptors()).to.have.length(1);
    });
  });

  describe('a map', () => {
    it('is gone after release; a second release does nothing', () => {
      const { it, manager, rootPageTable } = guestMemory();
      const map = it.mapPhysical([{ physical: 0x5000n, bytes: 8192 }]);
      map.release();
      map[Symbol.dispose]();
      expect(() => rootPageTable.virtualToEntry(map.address)).to.throw(MemoryManagerError);
      expect(manager.sizeMap(map.address)).to.equal(0);
      expect(manager.descriptors()).to.have.length(1);
    });

    it('flushes its cache lines when asked, and only then', () => {
      const { it, calls } = guestMemory();
      const map = it.mapPhysical([{ physical: 0x5010n, bytes: 100 }]);
      expect(calls).to.not.include('clflush');
      map.cacheFlush();
      expect(calls.filter((call) => call === 'clflush')).to.have.length(2);
    });

    it('is emptied by release', () => {
      const { it } = guestMemory();
      const map = it.mapPhysical([{ physical: 0x5000n, bytes: 10 }]);
      expect([map.isEmpty, map.size]).to.deep.equal([false, 10]);
      map.release();
      expect([map.isEmpty, map.size, map.address]).to.deep.equal([true, 0, 0n]);
    });

    it('swaps with another, and resets to another or to nothing', () => {
      const { it, manager } = guestMemory();
      const [a, b, none] = [
        it.mapPhysical([{ physical: 0x5000n, bytes: 8 }]),
        it.mapPhysical([{ physical: 0x6000n, bytes: 16 }]),
        it.empty(),
      ];
      const [first, second] = [a.address, b.address];
      a.swap(b);
      expect([a.address, b.size]).to.deep.equal([second, 8]);
      none.swap(a);
      expect([none.address, a.isEmpty]).to.deep.equal([second, true]);
      none.reset(none);
      none.reset(b);
      expect([none.address, b.isEmpty, manager.sizeMap(second)]).to.deep.equal([first, true, 0]);
      none.reset();
      expect(manager.sizeMap(first)).to.equal(0);
    });

    it('adopts what was mapped by hand, and nothing else', () => {
      const { it, manager, rootPageTable, memory } = guestMemory();
      const virtual = manager.allocMap(4096);
      rootPageTable.map4k(virtual, 0x7000n, 0x106);
      memory.writePhysical64(0x7010n, 5n);
      const map = it.adopt(virtual + 0x10n, 8);
      expect(map.read64()).to.equal(5n);
      map.release();
      expect(manager.sizeMap(virtual)).to.equal(0);
      expect(() => it.adopt(virtual, 8)).to.throw(MemoryManagerError, /not a map of 8 bytes/);
      expect(() => it.adopt(0n, 8)).to.throw(MemoryManagerError);
    });

    it('flushes the translations of its pages when asked', () => {
      const { it, calls } = guestMemory();
      const map = it.mapPhysical([{ physical: 0x5000n, bytes: 8192 }]);
      map.flush();
      expect(calls.filter((call) => call === 'invlpg')).to.have.length(2);
    });
  });
});
