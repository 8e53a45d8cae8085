// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Flat, run, type RunOptions, type RunResult } from '../../../support/run.js';

/** Runs x87 code after FNINIT; the 10 bytes of ST(0) are stored at Flat.data + 0x100 and the status word goes to AX. */
function x87(options: RunOptions, ...code: string[]): RunResult {
  return run({ rdi: Flat.data, ...options }, 'fninit', ...code, 'fnstsw ax', 'fstp tbyte ptr [rdi + 0x100]');
}
const top = (result: RunResult): string =>
  result
    .number(Flat.data + 0x100, 10)
    .toString(16)
    .padStart(20, '0');
const word = (...values: number[]): number[] => values.flatMap((value) => [value & 255, value >> 8]);
/** A control word in memory for FLDCW [rdi]. */
const controlWord = (value: number): RunOptions => ({ memory: { [Flat.data]: word(value) } });

describe('x87 arithmetic', () => {
  it('FDIV rounds 1/3 to 64 bits and reports it inexact, rounded up in C1', () => {
    const result = x87({}, 'fld1', 'fld1', 'fld1', 'fld1', 'faddp', 'faddp', 'fdivp');
    expect(top(result)).to.equal('3ffdaaaaaaaaaaaaaaab');
    expect(Number(result.rax) & 0x23f).to.equal(0x220);
  });
  it('precision control shortens the significand, not the exponent', () => {
    const single = x87(controlWord(0x07f), 'fldcw [rdi]', 'fld1', 'fld1', 'fld1', 'fld1', 'faddp', 'faddp', 'fdivp');
    expect(top(single)).to.equal('3ffdaaaaab0000000000');
    const double = x87(controlWord(0x27f), 'fldcw [rdi]', 'fld1', 'fld1', 'fld1', 'fld1', 'faddp', 'faddp', 'fdivp');
    expect(top(double)).to.equal('3ffdaaaaaaaaaaaaa800');
  });
  it('rounding control decides the direction', () => {
    const third = (control: number): string =>
      top(x87(controlWord(control), 'fldcw [rdi]', 'fld1', 'fld1', 'fld1', 'fld1', 'faddp', 'faddp', 'fdivp'));
    expect(third(0x77f)).to.equal('3ffdaaaaaaaaaaaaaaaa');
    expect(third(0xb7f)).to.equal('3ffdaaaaaaaaaaaaaaab');
    expect(third(0xf7f)).to.equal('3ffdaaaaaaaaaaaaaaaa');
  });
  it('division of 1 by 0 gives infinity and ZE; 0 by 0 the default NaN and IE', () => {
    const byZero = x87({}, 'fld1', 'fldz', 'fdivp');
    expect(top(byZero)).to.equal('7fff8000000000000000');
    expect(Number(byZero.rax) & 0x3f).to.equal(4);
    const invalid = x87({}, 'fldz', 'fldz', 'fdivp');
    expect(top(invalid)).to.equal('ffffc000000000000000');
    expect(Number(invalid.rax) & 0x3f).to.equal(1);
  });
  it('the larger significand of two quiet NaNs survives, and a quiet NaN beats a signalling one', () => {
    const memory = {
      [Flat.data]: [1, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0x7f],
      [Flat.data + 16]: [2, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff],
      [Flat.data + 32]: [3, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x7f],
    };
    expect(top(x87({ memory }, 'fld tbyte ptr [rdi]', 'fld tbyte ptr [rdi + 16]', 'faddp'))).to.equal(
      'ffffc000000000000002',
    );
    const signalling = x87({ memory }, 'fld tbyte ptr [rdi]', 'fld tbyte ptr [rdi + 32]', 'faddp');
    expect(top(signalling)).to.equal('7fffc000000000000001');
    expect(Number(signalling.rax) & 1).to.equal(1);
  });
  it('an unnormal is an invalid operand', () => {
    const memory = { [Flat.data]: [1, 0, 0, 0, 0, 0, 0, 0x40, 0xff, 0x3f] };
    const result = x87({ memory }, 'fld tbyte ptr [rdi]', 'fld1', 'faddp');
    expect(top(result)).to.equal('ffffc000000000000000');
    expect(Number(result.rax) & 1).to.equal(1);
  });
  it('an empty register is a stack fault: IE, SF, C1 = 0, default NaN', () => {
    const result = x87({}, 'fadd st(0), st(1)');
    expect(Number(result.rax) & 0x27f).to.equal(0x41);
    expect(top(result)).to.equal('ffffc000000000000000');
  });
  it('an unmasked overflow stores the result with its exponent less 24576 and sets ES', () => {
    const memory = { [Flat.data]: word(0x377), [Flat.data + 16]: [0, 0, 0, 0, 0, 0, 0, 0x80, 0xfe, 0x7f] };
    const result = run(
      { rdi: Flat.data, memory },
      'fninit',
      'fldcw [rdi]',
      'fld tbyte ptr [rdi + 16]',
      'fadd st(0), st(0)',
      'fnstsw ax',
      'fnclex',
      'fstp tbyte ptr [rdi + 0x100]',
    );
    expect(Number(result.rax) & 0x80bf).to.equal(0x8088);
    expect(top(result)).to.equal('1fff8000000000000000');
  });
  it('an unmasked invalid operation leaves the stack alone, and the next waiting instruction raises #MF', () => {
    const memory = { [Flat.data]: word(0x37e) };
    const result = run(
      { rdi: Flat.data, memory },
      'fninit',
      'fldcw [rdi]',
      'fldz',
      'fldz',
      'fdivp',
      'fnstsw ax',
      'fld1',
    );
    expect(result.fault?.vector).to.equal(16);
    expect(Number(result.rax) & 0x3881).to.equal(0x3081);
  });
  it('FSQRT of a negative number is invalid, of −0 is −0', () => {
    expect(top(x87({}, 'fld1', 'fchs', 'fsqrt'))).to.equal('ffffc000000000000000');
    expect(top(x87({}, 'fldz', 'fchs', 'fsqrt'))).to.equal('80000000000000000000');
  });
  it('FPREM gives the quotient’s low bits in C0 C3 C1, and C2 while it is not done', () => {
    const memory = {
      [Flat.data]: word(17),
      [Flat.data + 8]: word(5),
      [Flat.data + 16]: [0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x7f - 0x20],
    };
    const done = x87({ memory }, 'fild word ptr [rdi + 8]', 'fild word ptr [rdi]', 'fprem');
    expect(top(done)).to.equal('40008000000000000000');
    expect(Number(done.rax) & 0x4700, 'quotient 3').to.equal(0x4200);
    const part = x87({ memory }, 'fld1', 'fld tbyte ptr [rdi + 16]', 'fprem');
    expect(Number(part.rax) & 0x400).to.equal(0x400);
  });
  it('FPREM1 takes the nearest quotient', () => {
    const memory = { [Flat.data]: word(14), [Flat.data + 8]: word(5) };
    expect(top(x87({ memory }, 'fild word ptr [rdi + 8]', 'fild word ptr [rdi]', 'fprem1'))).to.equal(
      'bfff8000000000000000',
    );
  });
  it('FSCALE adds to the exponent, FXTRACT takes the number apart', () => {
    const memory = { [Flat.data]: word(10), [Flat.data + 8]: word(12) };
    expect(top(x87({ memory }, 'fild word ptr [rdi]', 'fld1', 'fscale'))).to.equal('40098000000000000000');
    expect(top(x87({ memory }, 'fild word ptr [rdi + 8]', 'fxtract'))).to.equal('3fffc000000000000000');
    expect(top(x87({ memory }, 'fild word ptr [rdi + 8]', 'fxtract', 'fstp st(0)'))).to.equal('4000c000000000000000');
  });
  it('FRNDINT rounds halves to even', () => {
    const memory = { [Flat.data]: [0, 0, 0x20, 0x40], [Flat.data + 8]: [0, 0, 0x60, 0x40] };
    expect(top(x87({ memory }, 'fld dword ptr [rdi]', 'frndint')), '2.5').to.equal('40008000000000000000');
    expect(top(x87({ memory }, 'fld dword ptr [rdi + 8]', 'frndint')), '3.5').to.equal('40018000000000000000');
  });
});
