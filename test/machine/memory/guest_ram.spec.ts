// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { AbsentPages } from '../../../src/machine/memory/absent_pages.js';
import { MachineRam } from '../../../src/machine/memory/guest_ram.js';
import { MemoryWriter } from '../../../src/machine/memory/memory_writer.js';

describe('MachineRam', () => {
  const make = (): { u8: Uint8Array; ram: MachineRam } => {
    const u8 = new Uint8Array(64);
    const absent = new AbsentPages(u8.subarray(16, 48), new Uint8Array(1), new Uint8Array(1));
    const writer = new MemoryWriter({ u8, u32: new Uint32Array(u8.buffer) }, () => {});
    return { u8, ram: new MachineRam(writer, 16, 32, absent) };
  };
  it('writes from physical address 0 on', () => {
    const { u8, ram } = make();
    ram.set([1, 2], 0);
    ram.fill(3, 30, 32);
    expect([u8[16], u8[17], u8[46], u8[47]]).to.deep.equal([1, 2, 3, 3]);
    expect(ram.length).to.equal(32);
  });
  it('reads copies, and nothing outside RAM', () => {
    const { u8, ram } = make();
    ram.set([1, 2, 3], 29);
    const copy = ram.slice(29, 32);
    ram.set([9], 29);
    expect([...copy]).to.deep.equal([1, 2, 3]);
    u8[48] = 0x55;
    for (const [start, end] of [
      [31, 33],
      [-1, 1],
      [2, 1],
      [0x100000000, 0x100000004],
    ] as const)
      expect(() => ram.slice(start, end)).to.throw(RangeError, /RAM ends at 0x20/);
  });
  it('writes nothing outside RAM', () => {
    const { u8, ram } = make();
    for (const write of [
      () => ram.set([1, 2], 31),
      () => ram.set([1], -1),
      () => ram.set([1], 0x80000000),
      () => ram.fill(1, 0, 33),
      () => ram.fill(1, 5, 4),
      () => ram.fill(1, NaN, 4),
    ])
      expect(write).to.throw(RangeError, /RAM ends at 0x20/);
    expect([...u8].some((byte) => byte !== 0)).to.equal(false);
  });
});
