// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { MemoryAttribute, patIndexOf } from '../../../src/vmm/memory_manager/memory_attributes.js';
import { MemoryManagerError } from '../../../src/vmm/errors.js';
import {
  leafEntry,
  patIndex,
  PageTableEntryBit as Bit,
  PageTableEntryX64,
} from '../../../src/vmm/memory_manager/page_table_entry_x64.js';

describe('leafEntry', () => {
  it('gives rw no execute, re no write, pt both', () => {
    const bits = (attributes: number): bigint => leafEntry(0x1000n, attributes, false) & (Bit.rw | Bit.nx);
    expect(bits(MemoryAttribute.rwUc)).to.equal(Bit.rw | Bit.nx);
    expect(bits(MemoryAttribute.reUc)).to.equal(0n);
    expect(bits(MemoryAttribute.ptUc)).to.equal(Bit.rw);
  });

  it('is present, points to the page, and is a large page where it should be', () => {
    expect(leafEntry(0x7000n, MemoryAttribute.reUc, false)).to.equal(0x7001n);
    expect(leafEntry(0x200000n, MemoryAttribute.reUc, true)).to.equal(0x200081n);
  });

  for (const [type, index] of Object.entries(patIndexOf)) {
    it(`chooses PAT entry ${index} for memory type ${type}, in small and large pages`, () => {
      expect(patIndex(leafEntry(0x200000n, MemoryAttribute.rw | Number(type), false), false)).to.equal(index);
      expect(patIndex(leafEntry(0x200000n, MemoryAttribute.rw | Number(type), true), true)).to.equal(index);
    });
  }

  for (const attributes of [0, 0x400, 0x102, 0x116, 0x1106]) {
    it(`refuses attributes 0x${attributes.toString(16)}`, () => {
      expect(() => leafEntry(0x1000n, attributes, false)).to.throw(MemoryManagerError, /attributes 0x/);
    });
  }
});

describe('PageTableEntryX64', () => {
  const all = 2n ** 64n - 1n;

  function entry(size = 0x1000, value = 0n) {
    const memory = {
      value,
      read64: (address: bigint) => (expect(address).to.equal(0x5008n), memory.value),
      write64: (_address: bigint, next: bigint) => void (memory.value = next),
    };
    return { memory, it: new PageTableEntryX64(memory, 0x5008n, size) };
  }

  // Bit numbers are the SDM's, not taken from the code.
  const bits = [
    ['present', 0x1000, 0],
    ['rw', 0x1000, 1],
    ['us', 0x1000, 2],
    ['pwt', 0x1000, 3],
    ['pcd', 0x1000, 4],
    ['accessed', 0x1000, 5],
    ['dirty', 0x1000, 6],
    ['pat', 0x1000, 7],
    ['pat', 0x200000, 12],
    ['pat', 0x40000000, 12],
    ['ps', 0x200000, 7],
    ['global', 0x1000, 8],
    ['nx', 0x1000, 63],
  ] as const;
  for (const [name, size, bit] of bits) {
    it(`.${name} is bit ${bit} of an entry of 0x${size.toString(16)} bytes, and nothing else`, () => {
      const { it: pte, memory } = entry(size);
      expect(pte[name]).to.equal(false);
      pte[name] = true;
      expect([pte[name], memory.value]).to.deep.equal([true, 1n << BigInt(bit)]);
      memory.value = all;
      pte[name] = false;
      expect([pte[name], memory.value]).to.deep.equal([false, all ^ (1n << BigInt(bit))]);
    });
  }

  for (const [size, mask] of [
    [0x1000, 0x000f_ffff_ffff_f000n],
    [0x200000, 0x000f_ffff_ffe0_0000n],
    [0x40000000, 0x000f_ffff_c000_0000n],
  ] as const) {
    it(`.physAddr is 0x${mask.toString(16)} of an entry of 0x${size.toString(16)} bytes`, () => {
      const { it: pte, memory } = entry(size, all);
      expect(pte.physAddr).to.equal(mask);
      pte.physAddr = 0n;
      expect(memory.value).to.equal(all ^ mask);
      pte.physAddr = all;
      expect(memory.value).to.equal(all);
    });
  }

  for (const size of [0x1000, 0x200000]) {
    it(`.patIndex is made of PWT, PCD and PAT in an entry of 0x${size.toString(16)} bytes`, () => {
      const { it: pte } = entry(size);
      for (let index = 0; index < 8; index++) {
        pte.patIndex = index;
        expect([pte.patIndex, pte.pwt, pte.pcd, pte.pat]).to.deep.equal([
          index,
          (index & 1) !== 0,
          (index & 2) !== 0,
          (index & 4) !== 0,
        ]);
      }
    });
  }

  it('.clear makes it 0', () => {
    const { it: pte, memory } = entry(0x1000, all);
    expect(pte.value).to.equal(all);
    pte.clear();
    expect(memory.value).to.equal(0n);
  });
});
