// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Flat, run } from '../../../support/run.js';

const nan = { rdi: Flat.data, memory: { [Flat.data]: [0, 0, 0xc0, 0x7f] } };
/** C3 C2 C1 C0 of a status word. */
const codes = (status: bigint): string => [14, 10, 9, 8].map((bit) => (status >> BigInt(bit)) & 1n).join('');

describe('x87 comparison', () => {
  it('FCOM reports less, equal, greater and unordered in C3 C2 C0', () => {
    expect(codes(run('fninit', 'fldpi', 'fld1', 'fcom', 'fnstsw ax').rax)).to.equal('0001');
    expect(codes(run('fninit', 'fld1', 'fld1', 'fcom', 'fnstsw ax').rax)).to.equal('1000');
    expect(codes(run('fninit', 'fld1', 'fldpi', 'fcom', 'fnstsw ax').rax)).to.equal('0000');
    expect(codes(run(nan, 'fninit', 'fld1', 'fld dword ptr [rdi]', 'fcom', 'fnstsw ax').rax)).to.equal('1101');
  });
  it('a quiet NaN is invalid for FCOM, not for FUCOM', () => {
    expect(Number(run(nan, 'fninit', 'fld dword ptr [rdi]', 'fcom st(0)', 'fnstsw ax').rax) & 1).to.equal(1);
    expect(Number(run(nan, 'fninit', 'fld dword ptr [rdi]', 'fucom st(0)', 'fnstsw ax').rax) & 1).to.equal(0);
  });
  it('FCOMI sets ZF, PF and CF and clears the others', () => {
    expect(run({ rflags: 0x8d7 }, 'fninit', 'fldpi', 'fld1', 'fcomi st(0), st(1)').flags).to.equal('CF');
    expect(run({ rflags: 0x8d7 }, 'fninit', 'fld1', 'fld1', 'fcomi st(0), st(1)').flags).to.equal('ZF');
    expect(run({ rflags: 0x8d7 }, 'fninit', 'fld1', 'fldpi', 'fcomi st(0), st(1)').flags).to.equal('');
    expect(run({ ...nan, rflags: 2 }, 'fninit', 'fld dword ptr [rdi]', 'fucomi st(0), st(0)').flags).to.equal(
      'CF PF ZF',
    );
  });
  it('zeros of either sign are equal', () => {
    expect(codes(run('fninit', 'fldz', 'fldz', 'fchs', 'fucompp', 'fnstsw ax').rax)).to.equal('1000');
  });
  it('FXAM names the class, also of an empty register', () => {
    expect(codes(run('fninit', 'fxam', 'fnstsw ax').rax)).to.equal('1001');
    expect(codes(run('fninit', 'fld1', 'fchs', 'fxam', 'fnstsw ax').rax)).to.equal('0110');
    expect(codes(run('fninit', 'fldz', 'fxam', 'fnstsw ax').rax)).to.equal('1000');
    expect(codes(run(nan, 'fninit', 'fld dword ptr [rdi]', 'fxam', 'fnstsw ax').rax)).to.equal('0001');
    expect(codes(run('fninit', 'fld1', 'fldz', 'fdivp', 'fxam', 'fnstsw ax').rax)).to.equal('0101');
  });
});
