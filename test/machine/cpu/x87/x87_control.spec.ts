// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Flat, run } from '../../../support/run.js';

const word = (...values: number[]): number[] => values.flatMap((value) => [value & 255, value >> 8]);
const data = { rdi: Flat.data };

describe('x87 control', () => {
  it('FNINIT masks all exceptions, extended precision, empty stack', () => {
    const result = run(data, 'fld1', 'fninit', 'fnstenv [rdi]');
    expect(result.number(Flat.data, 4)).to.equal(0xffff037fn);
    expect(result.number(Flat.data + 4, 4)).to.equal(0xffff0000n);
    expect(result.number(Flat.data + 8, 4)).to.equal(0xffffffffn);
  });
  it('FNSTENV stores full tags, last instruction pointer and masks all exceptions', () => {
    const result = run(
      { ...data, memory: { [Flat.data + 64]: word(0x340) } },
      'fninit',
      'fldcw [rdi + 64]',
      'fld1',
      'fldz',
      'fnstenv [rdi]',
      'fnstcw [rdi + 32]',
    );
    expect(result.number(Flat.data, 2)).to.equal(0x340n);
    expect(result.number(Flat.data + 8, 2), 'R7 valid, R6 zero').to.equal(0x1fffn);
    expect(result.number(Flat.data + 12, 4), 'RIP of FLDZ').to.equal(BigInt(Flat.code + 7));
    expect(result.number(Flat.data + 32, 2)).to.equal(0x37fn);
  });
  it('the environment has 14 bytes with an operand size of 16', () => {
    const result = run({ ...data, bits: 32 }, 'fninit', 'fld1', '.byte 0x66', 'fnstenv [edi]');
    expect(result.number(Flat.data, 2)).to.equal(0x37fn);
    expect(result.number(Flat.data + 2, 2)).to.equal(0x3800n);
    expect(result.number(Flat.data + 4, 2)).to.equal(0x3fffn);
    expect(result.number(Flat.data + 14, 2)).to.equal(0n);
  });
  it('FNSAVE stores the registers in stack order and initialises; FRSTOR brings all back', () => {
    const saved = run(
      data,
      'fninit',
      'fldpi',
      'fld1',
      'fnsave [rdi]',
      'fnstsw ax',
      'frstor [rdi]',
      'fstp tbyte ptr [rdi + 0x100]',
      'fstp tbyte ptr [rdi + 0x110]',
    );
    expect(saved.rax & 0xffffn).to.equal(0n);
    expect(saved.number(Flat.data + 28, 10)).to.equal(0x3fff8000000000000000n);
    expect(saved.number(Flat.data + 0x100, 10)).to.equal(0x3fff8000000000000000n);
    expect(saved.number(Flat.data + 0x110, 10)).to.equal(0x4000c90fdaa22168c235n);
  });
  it('a control word that unmasks a raised flag makes the exception wait; FNCLEX takes it back', () => {
    const memory = { [Flat.data]: word(0x37b) };
    const code = ['fninit', 'fld1', 'fldz', 'fdivp', 'fldcw [rdi]', 'fnstsw ax'];
    expect(Number(run({ ...data, memory }, ...code).rax) & 0x8084).to.equal(0x8084);
    expect(run({ ...data, memory }, ...code, 'fwait').fault?.vector).to.equal(16);
    expect(run({ ...data, memory }, ...code, 'fnclex', 'fwait').fault).to.equal(undefined);
  });
  it('with CR0.NE = 0 a waiting exception raises no #MF', () => {
    const memory = { [Flat.data]: word(0x37b) };
    const result = run(
      { ...data, memory },
      'mov rax, cr0',
      'and al, 0xdf',
      'mov cr0, rax',
      'fninit',
      'fld1',
      'fldz',
      'fdivp',
      'fldcw [rdi]',
      'fwait',
    );
    expect(result.fault).to.equal(undefined);
  });
  it('CR0.EM and CR0.TS raise #NM, and FWAIT needs CR0.MP too', () => {
    const set = (bit: number): string[] => ['mov rax, cr0', `or al, ${bit}`, 'mov cr0, rax'];
    expect(run(...set(4), 'fld1').fault?.vector).to.equal(7);
    expect(run(...set(8), 'fninit').fault?.vector).to.equal(7);
    expect(run('mov rax, cr0', 'and al, 0xfd', 'or al, 8', 'mov cr0, rax', 'fwait').fault).to.equal(undefined);
    expect(run(...set(10), 'fwait').fault?.vector).to.equal(7);
  });
});
