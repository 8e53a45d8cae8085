// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { writeBiosDataArea } from '../../../src/machine/boot/bios_data_area.js';
import { memoryMap } from '../../../src/machine/boot/memory_map.js';

describe('writeBiosDataArea', () => {
  const ram = new Uint8Array(0x100000);
  const word = (at: number): number => new DataView(ram.buffer).getUint16(at, true);
  before(() => writeBiosDataArea(ram));

  it('ends base memory and begins the EBDA where the memory map ends usable low memory', () => {
    const [low, ebda] = memoryMap(16 * 2 ** 20);
    expect(word(0x413) * 1024).to.equal(low!.size);
    expect(word(0x40e) * 16).to.equal(ebda!.start);
    expect(ebda!.type).to.equal(2);
    expect(ram[ebda!.start]! * 1024).to.equal(ebda!.size);
  });

  it('lists the serial ports', () => {
    expect([0x400, 0x402, 0x404].map(word)).to.deep.equal([0x3f8, 0x2f8, 0]);
  });
});
