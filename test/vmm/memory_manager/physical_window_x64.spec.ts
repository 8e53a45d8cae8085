// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { MemoryManagerError } from '../../../src/vmm/errors.js';
import { PhysicalWindowX64 } from '../../../src/vmm/memory_manager/physical_window_x64.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { make } from '../../support/make.js';

/** A window over a page table that notes what is mapped. */
function physicalWindow(hasGigabytePages: boolean) {
  const machine = new FakeMachine();
  machine.leaves.set(0x80000001, [0, 0, 0, hasGigabytePages ? 1 << 26 : 0]);
  const maps: string[] = [];
  const rootPageTable = {
    mapAlias: (virtual: bigint, physical: bigint, _attributes: number, size: number) =>
      maps.push(`${virtual.toString(16)} ${physical.toString(16)} ${size.toString(16)}`),
  };
  return { maps, it: make(PhysicalWindowX64, { rootPageTable, cpuid: machine.accessors.cpuid }) };
}

describe('PhysicalWindowX64', () => {
  it('maps a page of 1 GiB when it is first touched, and once', () => {
    const { it, maps } = physicalWindow(true);
    expect(it.highAt(0x1234, 0)).to.equal(0x4000);
    expect(it.highAt(0x3fffffff - 7, 0)).to.equal(0x4000);
    expect(maps).to.deep.equal(['400000000000 0 40000000']);
    expect(it.highAt(0x5, 1)).to.equal(0x4001);
    expect(it.addressOf(0x1_0000_1000n, 0x1000)).to.equal(0x4001_0000_1000n);
    expect(maps).to.deep.equal(['400000000000 0 40000000', '400100000000 100000000 40000000']);
  });

  it('maps pages of 2 MiB where the processor has no larger ones', () => {
    const { it, maps } = physicalWindow(false);
    it.highAt(0x1ffff8, 0);
    it.addressOf(0x400000n, 0x200001);
    expect(maps).to.deep.equal(['400000000000 0 200000', '400000400000 400000 200000', '400000600000 600000 200000']);
  });

  it('maps the next page too if an operand reaches into it', () => {
    const { it, maps } = physicalWindow(true);
    it.highAt(0x3ffffffc, 0);
    expect(maps).to.deep.equal(['400000000000 0 40000000', '400040000000 40000000 40000000']);
  });

  it('refuses what is beyond its end, and maps nothing', () => {
    const { it, maps } = physicalWindow(true);
    expect(it.highAt(0xfffffff8, 0x3fff)).to.equal(0x7fff);
    for (const reach of [() => it.highAt(0xfffffff9, 0x3fff), () => it.addressOf(1n << 46n, 1)]) {
      expect(reach).to.throw(MemoryManagerError, /beyond the 46 bits/);
    }
    expect(maps).to.have.length(1);
  });
});
