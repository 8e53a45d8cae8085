// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { MemoryAttribute, patIndexOf } from '../../../src/intrinsics/constants.js';
import { MemoryManagerError } from '../../../src/vmm/errors.js';
import { leafEntry, patIndex, PageTableEntryBit as Bit } from '../../../src/vmm/memory_manager/page_table_entry_x64.js';

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
