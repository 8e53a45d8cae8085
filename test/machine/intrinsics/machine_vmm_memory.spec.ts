// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmmPageFault } from '../../../src/intrinsics/errors.js';
import { Execution } from '../../../src/machine/intrinsics/execution.js';
import { MachineVmmMemory } from '../../../src/machine/intrinsics/machine_vmm_memory.js';
import { DriverContext } from '../../../src/machine/driver_context/driver_context.js';
import { LogicalProcessor } from '../../../src/machine/processor/logical_processor.js';
import { ProcessorBlock } from '../../../src/machine/processor/processor_block.js';
import { Word } from '../../../src/machine/vmx/words.js';
import { cr4Allowed, FakeCore, ramBytes } from '../vmx/fake_core.js';

/** Offsets in the carve-out of the VMM's own table, built by `buildTable`. */
const Table = { Pml4: 0x1000, Pdpt: 0x2000, Pd: 0x3000, Pt: 0x4000 } as const;
const virtualBase = 0x40_0000n;

describe('MachineVmmMemory', () => {
  let core: FakeCore;
  let memory: MachineVmmMemory;

  beforeEach(() => {
    core = new FakeCore();
    const processor = new LogicalProcessor(0, core, { cr4Allowed });
    memory = new MachineVmmMemory(new Execution([{ processor, driver: new DriverContext(processor) }]));
  });

  const region = (): { virtual: bigint; physical: bigint; size: number } => memory.regions[0]!;
  const put = (offset: number, value: bigint): void => memory.write64(region().virtual + BigInt(offset), value);

  /** Maps five pages at `virtualBase`: writable, read-only, absent, guest page 0, and physical memory that does not exist. */
  function buildTable(): void {
    const at = (offset: number): bigint => region().physical + BigInt(offset);
    put(Table.Pml4, at(Table.Pdpt) | 3n);
    put(Table.Pdpt, at(Table.Pd) | 3n);
    put(Table.Pd + 8 * 2, at(Table.Pt) | 3n);
    put(Table.Pt, at(0x10000) | 3n);
    put(Table.Pt + 8, at(0x11000) | 1n);
    put(Table.Pt + 24, 0n | 3n);
    put(Table.Pt + 32, 0xf0000000n | 3n);
    memory.useRootTable(at(Table.Pml4) | 0x18n);
  }

  it('offers the carve-out, whose virtual addresses are not its physical ones, before there is a page table', () => {
    const { virtual, physical, size } = region();
    expect(virtual).to.not.equal(physical);
    memory.write64(virtual + BigInt(size) - 8n, 0x1122_3344_5566_7788n);
    expect(memory.read64(virtual + BigInt(size) - 8n)).to.equal(0x1122_3344_5566_7788n);
    expect(() => memory.read8(0n)).to.throw(VmmPageFault, /no root page table/);
  });

  it('reads and writes 8, 16, 32 and 64 bits at any alignment, across pages too', () => {
    const { virtual } = region();
    for (const offset of [0n, 1n, 3n, 0xffdn, 0xfffn, 0xff9n]) {
      const at = virtual + 0x8000n + offset;
      memory.write64(at, 0xf1e2_d3c4_b5a6_9788n);
      expect(memory.read64(at)).to.equal(0xf1e2_d3c4_b5a6_9788n);
      expect([memory.read8(at), memory.read16(at), memory.read32(at)]).to.deep.equal([0x88, 0x9788, 0xb5a69788]);
      memory.write32(at, 0xdeadbeef);
      memory.write16(at + 4n, 0xcafe);
      memory.write8(at + 6n, 0x55);
      expect(memory.read64(at)).to.equal(0xf155_cafe_dead_beefn);
    }
  });

  describe('.readHalves', () => {
    const result = new Uint32Array(2);
    const read = (address: bigint): bigint => {
      memory.readHalves(Number(address & 0xffffffffn), Number(address >> 32n), result);
      return (BigInt(result[1]!) << 32n) | BigInt(result[0]!);
    };

    it('reads 64 bits at any alignment, across pages too', () => {
      const { virtual } = region();
      for (const offset of [0n, 4n, 0xff8n, 1n, 0xff9n, 0xffcn, 0xfffn]) {
        memory.write64(virtual + 0x8000n + offset, 0xf1e2_d3c4_b5a6_9788n);
        expect(read(virtual + 0x8000n + offset), `offset ${offset}`).to.equal(0xf1e2_d3c4_b5a6_9788n);
      }
    });

    it('translates by the root table, at negative halves of an address too', () => {
      put(0x10000, 0x77n);
      buildTable();
      expect(read(virtualBase)).to.equal(0x77n);
      memory.readHalves(Number(virtualBase) | 0, 0, result);
      expect([...result]).to.deep.equal([0x77, 0]);
    });

    it('throws VmmPageFault with the address, and leaves the result alone', () => {
      buildTable();
      result.set([1, 2]);
      for (const address of [virtualBase + 0x2000n, virtualBase + 0x1ffcn, 0x8000_0000_0000_0000n]) {
        expect(() => read(address))
          .to.throw(VmmPageFault)
          .with.property('access', 'read');
        expect([...result]).to.deep.equal([1, 2]);
      }
    });
  });

  it('translates by the root table once there is one', () => {
    put(0x10000, 0x77n);
    buildTable();
    expect(memory.read64(virtualBase)).to.equal(0x77n);
    memory.write64(virtualBase + 8n, 0x99n);
    expect(memory.readBytes(virtualBase + 8n, 1)[0]).to.equal(0x99);
    expect(() => memory.read8(region().virtual)).to.throw(VmmPageFault);
  });

  it('reaches guest memory that the table maps, and tells the core of stores there', () => {
    buildTable();
    core.calls.length = 0;
    memory.write32(virtualBase + 0x3010n, 0x12345678);
    expect(core.u32[core.physicalOffset(0x10) >>> 2]).to.equal(0x12345678);
    expect(core.calls).to.deep.equal(['memoryWritten']);
  });

  it('tells each processor of a store: all of them may have translations from that memory', () => {
    const parked = Object.assign(Object.create(core) as FakeCore, { block: new ProcessorBlock(core, 1, () => {}) });
    const processors = [core, parked].map((each, id) => new LogicalProcessor(id, each, { cr4Allowed }));
    memory = new MachineVmmMemory(
      new Execution(processors.map((processor) => ({ processor, driver: new DriverContext(processor) }))),
    );
    const places = [core, parked].map(({ block }) => block.place);
    const written = (): number[] => places.map((place) => core.u32[Word.memoryWritten + place]!);
    expect(new Set(places)).to.have.length(2);
    expect(written()).to.deep.equal([0, 0]);
    put(0x10000, 1n);
    expect(written()).to.deep.equal([1, 1]);
  });

  it('throws VmmPageFault and touches nothing on a miss, a store to a read-only page, missing memory', () => {
    buildTable();
    const fault = (work: () => unknown): VmmPageFault => {
      try {
        work();
      } catch (error) {
        return error as VmmPageFault;
      }
      return expect.fail('nothing was thrown');
    };
    expect(memory.read8(virtualBase + 0x1000n)).to.equal(0);
    const store = fault(() => memory.write8(virtualBase + 0x1000n, 1));
    expect([store.address, store.access]).to.deep.equal([virtualBase + 0x1000n, 'write']);
    const load = fault(() => memory.read64(virtualBase + 0x2000n));
    expect([load.address, load.access]).to.deep.equal([virtualBase + 0x2000n, 'read']);
    expect(fault(() => memory.read8(virtualBase + 0x4000n)).message).to.match(/0xf0000000, where there is no memory/);
    expect(fault(() => memory.read8(0x8000_0000_0000_0000n)).address).to.equal(0x8000_0000_0000_0000n);
    fault(() => memory.writeBytes(virtualBase + 0xffen, Uint8Array.of(1, 2, 3, 4)));
    expect(memory.read16(virtualBase + 0xffen), 'the page before the miss').to.equal(0);
  });

  it('names the entry that was corrupted', () => {
    buildTable();
    core.u32[(core.physicalOffset(Number(region().physical) + Table.Pd) >>> 2) + 4] = 0xbad0;
    expect(() => memory.read64(virtualBase)).to.throw(
      VmmPageFault,
      /PDE at physical 0x100003010 is 0x10000bad0|PDE at physical 0x100003010 is 0x/,
    );
  });

  it('reads and writes the running system through its own CR3', () => {
    core.u32.set([0x89abcdef, 0x01234567], core.physicalOffset(0x2000) >>> 2);
    expect(memory.readOsLinear64(0x2000n)).to.equal(0x0123_4567_89ab_cdefn);
    memory.writeOsLinear64(0x2004n, 5n);
    expect(memory.readOsLinear64(0x2004n)).to.equal(5n);
    expect(() => memory.readOsLinear64(BigInt(ramBytes))).to.throw(VmmPageFault, /running system/);
  });
});
