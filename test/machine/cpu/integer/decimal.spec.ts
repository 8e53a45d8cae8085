// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { run, runBytes } from '../../../support/run.js';

describe('Decimal arithmetic', () => {
  const run32 = (rax: number, rflags: number, ...lines: string[]) => run({ bits: 32, rax, rflags }, ...lines);

  it('DAA corrects a packed sum', () => {
    expect(run32(0x79, 2, 'add al, 0x35', 'daa')).to.include({ rax: 0x14n });
    expect(run32(0x79, 2, 'add al, 0x35', 'daa').flags)
      .to.contain('CF')
      .and.to.contain('AF');
    expect(run32(0x99, 2, 'daa').rax).to.equal(0x99n);
    expect(run32(0x9a, 2, 'daa')).to.include({ rax: 0n });
  });
  it('DAS sets CF by the borrow of its low correction', () => {
    expect(run32(0x47, 2, 'sub al, 0x58', 'das')).to.include({ rax: 0x89n });
    expect(run32(0x05, 0x12, 'das').flags).to.contain('CF');
  });
  it('AAA and AAS carry into AH', () => {
    expect(run32(0x10a, 2, 'aaa').rax).to.equal(0x200n);
    expect(run32(0x1fa, 2, 'aaa').rax).to.equal(0x300n);
    expect(run32(0x20a, 2, 'aas').rax).to.equal(0x104n);
    expect(run32(0x205, 0x13, 'aaa').flags)
      .to.contain('CF')
      .and.to.contain('AF');
  });
  it('AAM divides by its immediate, AAD multiplies', () => {
    expect(run32(63, 2, 'aam').rax).to.equal(0x603n);
    expect(runBytes([0xd4, 16], { bits: 32, rax: 0xab }).rax).to.equal(0xa0bn);
    expect(run32(0x603, 2, 'aad').rax).to.equal(63n);
  });
  it('AAM by 0 raises #DE', () => {
    expect(runBytes([0xd4, 0], { bits: 32, rax: 5 }).fault?.vector).to.equal(0);
  });
  it('none exists in 64-bit mode', () => {
    for (const opcode of [0x27, 0x2f, 0x37, 0x3f]) expect(runBytes([opcode]).fault?.vector).to.equal(6);
    for (const opcode of [0xd4, 0xd5]) expect(runBytes([opcode, 10]).fault?.vector).to.equal(6);
  });
});
