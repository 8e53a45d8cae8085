// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Flat, run, type RunOptions, type RunResult } from '../../../support/run.js';

const word = (...values: number[]): number[] => values.flatMap((value) => [value & 255, value >> 8]);
const fpu = (options: RunOptions, ...code: string[]): RunResult =>
  run({ rdi: Flat.data, ...options }, 'fninit', ...code);

describe('x87 loads and stores', () => {
  it('FLD and FST convert between single, double and extended', () => {
    const result = fpu(
      { memory: { [Flat.data]: [0, 0, 0x40, 0xc0] } },
      'fld dword ptr [rdi]',
      'fst qword ptr [rdi + 8]',
      'fstp tbyte ptr [rdi + 16]',
    );
    expect(result.number(Flat.data + 8, 8)).to.equal(0xc008000000000000n);
    expect(result.number(Flat.data + 16, 10)).to.equal(0xc000c000000000000000n);
  });
  it('a signalling NaN becomes quiet in a conversion, and FLD m80 leaves it', () => {
    const memory = { [Flat.data]: [1, 0, 0x80, 0x7f], [Flat.data + 16]: [1, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x7f] };
    const single = fpu({ memory }, 'fld dword ptr [rdi]', 'fnstsw ax', 'fstp dword ptr [rdi + 8]');
    expect(single.number(Flat.data + 8, 4)).to.equal(0x7fc00001n);
    expect(Number(single.rax) & 1).to.equal(1);
    const extended = fpu({ memory }, 'fld tbyte ptr [rdi + 16]', 'fnstsw ax', 'fstp tbyte ptr [rdi + 32]');
    expect(extended.number(Flat.data + 32, 10)).to.equal(0x7fff8000000000000001n);
    expect(Number(extended.rax) & 1).to.equal(0);
  });
  it('FIST rounds by RC, FISTTP cuts off', () => {
    const memory = { [Flat.data]: [0, 0, 0x20, 0xc0] };
    const result = fpu({ memory }, 'fld dword ptr [rdi]', 'fist dword ptr [rdi + 8]', 'fisttp dword ptr [rdi + 12]');
    expect(result.number(Flat.data + 8, 4)).to.equal(0xfffffffen);
    expect(result.number(Flat.data + 12, 4)).to.equal(0xfffffffen);
    const half = fpu(
      { memory: { [Flat.data]: [0, 0, 0x60, 0x40] } },
      'fld dword ptr [rdi]',
      'fist word ptr [rdi + 8]',
      'fisttp word ptr [rdi + 10]',
    );
    expect(half.number(Flat.data + 8, 2), '3.5 to even').to.equal(4n);
    expect(half.number(Flat.data + 10, 2)).to.equal(3n);
  });
  it('an integer that does not fit is stored as the indefinite', () => {
    const memory = { [Flat.data]: [0, 0, 0, 0x4f] }; // 2^31
    const result = fpu(
      { memory },
      'fld dword ptr [rdi]',
      'fist dword ptr [rdi + 8]',
      'fnstsw ax',
      'fistp qword ptr [rdi + 16]',
    );
    expect(result.number(Flat.data + 8, 4)).to.equal(0x80000000n);
    expect(Number(result.rax) & 0x21).to.equal(1);
    expect(result.number(Flat.data + 16, 8)).to.equal(0x80000000n);
  });
  it('FBLD and FBSTP convert 18 decimal digits', () => {
    const memory = { [Flat.data]: [0x90, 0x78, 0x56, 0x34, 0x12, 0x90, 0x78, 0x56, 0x34, 0x80] };
    const result = fpu({ memory }, 'fbld tbyte ptr [rdi]', 'fld1', 'faddp', 'fbstp tbyte ptr [rdi + 16]');
    expect(result.number(Flat.data + 16, 10)).to.equal(0x80345678901234567889n);
  });
  it('constants are rounded by RC', () => {
    const pi = (control: number): bigint =>
      fpu({ memory: { [Flat.data]: word(control) } }, 'fldcw [rdi]', 'fldpi', 'fstp tbyte ptr [rdi + 16]').number(
        Flat.data + 16,
        10,
      );
    expect(pi(0x37f)).to.equal(0x4000c90fdaa22168c235n);
    expect(pi(0x77f)).to.equal(0x4000c90fdaa22168c234n);
    expect(pi(0xb7f)).to.equal(0x4000c90fdaa22168c235n);
  });
  it('a ninth push is a stack overflow: C1 = 1 and the default NaN on top', () => {
    const result = fpu({}, ...Array.from({ length: 9 }, () => 'fld1'), 'fnstsw ax', 'fstp tbyte ptr [rdi]');
    expect(Number(result.rax) & 0x241).to.equal(0x241);
    expect(result.number(Flat.data, 10)).to.equal(0xffffc000000000000000n);
  });
  it('a store that faults leaves stack and status alone', () => {
    const result = run({ rdi: Flat.absent - 2 }, 'fninit', 'fldpi', 'fstp dword ptr [rdi]');
    expect(result.fault).to.include({ vector: 14, code: 2 });
    expect(result.fault?.address).to.equal(BigInt(Flat.absent));
  });
  it('FXCH and FCMOV move registers as they are', () => {
    const result = fpu(
      {},
      'fldpi',
      'fld1',
      'fxch',
      'fstp tbyte ptr [rdi]',
      'fldz',
      'stc',
      'fcmovb st(0), st(1)',
      'fstp tbyte ptr [rdi + 16]',
    );
    expect(result.number(Flat.data, 10)).to.equal(0x4000c90fdaa22168c235n);
    expect(result.number(Flat.data + 16, 10)).to.equal(0x3fff8000000000000000n);
  });
});
