// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { MemoryWriter } from '../../../src/machine/memory/memory_writer.js';
import { loadMsrs, storeMsrs } from '../../../src/machine/vmx/msr_areas.js';
import type { VmxCore } from '../../../src/machine/vmx/vmx_core.js';
import { Word } from '../../../src/machine/vmx/words.js';

const kernelGsBase = 0xc0000102;
const area = 0x1000;

/** A core whose memory has the area at an offset, and nothing else; `u32` is sparse, so that any offset costs nothing. */
function coreWithAreaAt(offset: number): { core: VmxCore; u32: number[]; told: number[][]; loaded: number[][] } {
  const u32: number[] = [];
  const told: number[][] = [];
  const loaded: number[][] = [];
  const views = { u8: new Uint8Array(0), u32: u32 as unknown as Uint32Array };
  const core = {
    u32: views.u32,
    writer: new MemoryWriter(views, (...range) => told.push(range)),
    structureOffset: (address: number) => (address >= area && address < area + 0x1000 ? offset + address - area : -1),
    readMsr: (address: number) => {
      u32[Word.busValue] = 0x89abcdef;
      u32[Word.busValue + 1] = 0x1234567;
      return address === kernelGsBase;
    },
    writeMsr: (...write: number[]) => loaded.push(write) > 0,
  } as unknown as VmxCore;
  const at = offset / 4;
  [u32[at], u32[at + 1], u32[at + 2], u32[at + 3]] = [kernelGsBase, 0, 11, 22];
  return { core, u32, told, loaded };
}

describe('The areas of MSRs', () => {
  for (const offset of [0x1000, 0x7ffff000, 0x80000000, 0xc0000000]) {
    it(`are loaded from and stored to offset ${offset.toString(16)}h of the machine's memory`, () => {
      const { core, u32, told, loaded } = coreWithAreaAt(offset);
      expect(loadMsrs(core, area, 1, 'VM-entry MSR-load area')).to.equal(0);
      expect(loaded).to.deep.equal([[kernelGsBase, 11, 22]]);
      expect(storeMsrs(core, area, 1)).to.equal(true);
      expect(u32.slice(offset / 4, offset / 4 + 4)).to.deep.equal([kernelGsBase, 0, 0x89abcdef, 0x1234567]);
      expect(told, 'the core is told').to.deep.equal([[offset + 8, 8]]);
    });
  }
  it('say which one is being loaded, until it is', () => {
    const { core } = coreWithAreaAt(0x1000);
    const seen: unknown[] = [];
    core.writeMsr = () => seen.push(core.msrArea) > 0;
    expect(loadMsrs(core, area, 1, 'VM-exit MSR-load area')).to.equal(0);
    expect([...seen, core.msrArea]).to.deep.equal(['VM-exit MSR-load area', undefined]);
  });
  it('fail where there is no memory', () => {
    const { core } = coreWithAreaAt(0x1000);
    expect(loadMsrs(core, 0x5000, 1, 'VM-entry MSR-load area')).to.equal(1);
    expect(storeMsrs(core, 0x5000, 1)).to.equal(false);
  });
});
