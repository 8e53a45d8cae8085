// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Flat, run, type RunResult } from '../../../support/run.js';

const BR = 5;
const GP = 13;
const beyond = Flat.data + 0x10000;

/** Real-mode code whose data segment is 64 KiB at Flat.data. `end`: its last bytes; `begin`: its first. */
function runAcross(end: readonly number[], begin: readonly number[], ...lines: string[]): RunResult {
  const memory = { [beyond - end.length]: end, [Flat.data]: begin, [beyond]: Array<number>(16).fill(0xee) };
  const rsp = 0x8000;
  const result = run({ bits: 16, rsp, memory }, ...lines);
  expect(result.bytes(beyond, 16), 'nothing is written beyond the segment').to.deep.equal(memory[beyond]);
  return result;
}

describe('An operand in parts with 16-bit addresses', () => {
  it('of a far load has its selector at 0 when its offset is at FFFEH', () => {
    const result = runAcross([0x34, 0x12], [0x00, 0x30], 'les bx, dword ptr [0xfffe]', 'mov ax, es');
    expect(result).to.include({ fault: undefined, rbx: 0x1234n, rax: 0x3000n });
  });
  for (const branch of ['jmp', 'call'])
    it(`of a far ${branch.toUpperCase()} too`, () => {
      const target = [0x00, (Flat.code >> 4) >> 8];
      const code = [`mov bx, 0xfffe`, `.byte 0xff, ${branch === 'jmp' ? 0x2f : 0x1f}`, 'nop', 'nop'];
      const result = runAcross([0x06, 0x00], target, ...code);
      expect(result).to.include({ fault: undefined, rbx: 0xfffen });
      expect(result.rsp).to.equal(branch === 'call' ? 0x7ffcn : 0x8000n);
    });
  it('of BOUND has its upper bound at 0', () => {
    expect(runAcross([1, 0], [5, 0], 'mov ax, 5', 'bound ax, dword ptr [0xfffe]').fault).to.equal(undefined);
    expect(runAcross([1, 0], [4, 0], 'mov ax, 5', 'bound ax, dword ptr [0xfffe]').fault?.vector).to.equal(BR);
  });
  it('of an 80-bit number has its exponent at 0', () => {
    const significand = [1, 2, 3, 4, 5, 6, 7, 0x80];
    const loaded = runAcross(significand, [0x34, 0x12], 'fninit', 'fld tbyte ptr [0xfff8]', 'fstp tbyte ptr [0x100]');
    expect(loaded.bytes(Flat.data + 0x100, 10)).to.deep.equal([...significand, 0x34, 0x12]);
    const stored = runAcross([0, 0, 0, 0, 0, 0, 0, 0], [0, 0], 'fninit', 'fld1', 'fstp tbyte ptr [0xfff8]');
    expect(stored.bytes(beyond - 8, 8)).to.deep.equal([0, 0, 0, 0, 0, 0, 0, 0x80]);
    expect(stored.bytes(Flat.data, 2)).to.deep.equal([0xff, 0x3f]);
  });
  it('of the x87 environment and state goes on at 0', () => {
    const code = [
      'fninit',
      'fld1',
      'fnsave [0xfffa]',
      'fninit',
      'frstor [0xfffa]',
      'fstp tbyte ptr [0x200]',
      'fnstenv [0xfffc]',
    ];
    const result = runAcross([], [], ...code);
    expect(result.fault).to.equal(undefined);
    expect(result.bytes(Flat.data + 0x200, 10), 'ST(0)').to.deep.equal([0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f]);
    expect(result.bytes(beyond - 4, 4), 'FCW and FSW').to.deep.equal([0x7f, 0x03, 0, 0]);
    expect(result.bytes(Flat.data, 2), 'FTW').to.deep.equal([0xff, 0xff]);
  });
  it('of SGDT and LGDT has its base at 0', () => {
    const code = ['lgdt [0xfffe]', 'sgdt [0x100]', 'sgdt [0xfffc]'];
    const result = runAcross([0x37, 0x01], [0x11, 0x22, 0x33, 0x00], ...code);
    expect(result.bytes(Flat.data + 0x100, 6)).to.deep.equal([0x37, 0x01, 0x11, 0x22, 0x33, 0x00]);
    expect(result.bytes(beyond - 4, 4)).to.deep.equal([0x37, 0x01, 0x11, 0x22]);
    expect(result.bytes(Flat.data, 2)).to.deep.equal([0x33, 0x00]);
  });
  for (const instruction of ['les bx, dword ptr [0xfffd]', 'fnstenv [0xfffd]', 'fnsave [0xfff3]', 'sgdt [0xfffd]'])
    it(`raises #GP when a part lies across the end, and changes nothing: ${instruction}`, () => {
      const result = runAcross([1, 2, 3, 4], [5, 6, 7, 8], 'fninit', 'fld1', instruction);
      expect(result.fault?.vector).to.equal(GP);
      expect(result.bytes(beyond - 4, 4)).to.deep.equal([1, 2, 3, 4]);
      expect(result.bytes(Flat.data, 4)).to.deep.equal([5, 6, 7, 8]);
    });
  it('raises #GP when the second part of FSTP lies across the end, and has stored the first', () => {
    const result = runAcross([1, 2, 3, 4], [5, 6, 7, 8], 'fninit', 'fld1', 'fstp tbyte ptr [0xfff7]');
    expect(result.fault?.vector).to.equal(GP);
    expect(result.bytes(beyond - 4, 4)).to.deep.equal([0, 0, 0x80, 4]);
    expect(result.bytes(Flat.data, 4)).to.deep.equal([5, 6, 7, 8]);
  });
});
