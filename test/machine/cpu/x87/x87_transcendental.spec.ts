// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Flat, run } from '../../../support/run.js';

const bits64 = (value: number): number[] => [...new Uint8Array(new Float64Array([value]).buffer)];
/** Result in double precision of code on the two numbers at [rdi] and [rdi + 8]. */
function compute(x: number, y: number, ...code: string[]): number {
  const result = run(
    { rdi: Flat.data, memory: { [Flat.data]: [...bits64(x), ...bits64(y)] } },
    'fninit',
    ...code,
    'fstp qword ptr [rdi + 16]',
  );
  return new DataView(new Uint8Array(result.bytes(Flat.data + 16, 8)).buffer).getFloat64(0, true);
}
const x = 'fld qword ptr [rdi]';
const y = 'fld qword ptr [rdi + 8]';
const ulps = (value: number, expected: number): number =>
  Math.abs(value - expected) / (Number.EPSILON * Math.abs(expected));

describe('x87 transcendental functions', () => {
  const numbers = [0.1, -0.3, 0.75, 0.999, 1e-9, 3.5, -7.25, 100.125, 1e-300];
  it('FSIN, FCOS and FPTAN agree with the correctly rounded values', () => {
    for (const value of numbers) {
      expect(ulps(compute(value, 0, x, 'fsin'), Math.sin(value)), `sin ${value}`).to.be.at.most(1);
      expect(ulps(compute(value, 0, x, 'fcos'), Math.cos(value)), `cos ${value}`).to.be.at.most(1);
      expect(ulps(compute(value, 0, x, 'fptan', 'fstp st(0)'), Math.tan(value)), `tan ${value}`).to.be.at.most(1);
    }
  });
  it('FSINCOS leaves the cosine on top of the sine', () => {
    expect(compute(1, 0, x, 'fsincos')).to.equal(Math.cos(1));
    expect(compute(1, 0, x, 'fsincos', 'fstp st(0)')).to.equal(Math.sin(1));
  });
  it('an angle of 2^63 or more is not reduced: C2 = 1', () => {
    const result = run({ rdi: Flat.data, memory: { [Flat.data]: bits64(2 ** 63) } }, 'fninit', x, 'fsin', 'fnstsw ax');
    expect(Number(result.rax) & 0x400).to.equal(0x400);
  });
  it('angles are reduced with a π of 66 bits', () => {
    // sin of the double next to π is what that double lacks of the processor's π, which is 2^-67 or so short of π
    expect(compute(Math.PI, 0, x, 'fsin')).to.equal(1.2246063538223773e-16);
  });
  it('FPATAN finds the angle in all quadrants', () => {
    for (const [a, b] of [
      [1, 2],
      [-1, 2],
      [1, -2],
      [-1, -2],
      [3, 0.001],
      [0.001, 3],
      [1, 1],
    ] as const) {
      expect(ulps(compute(a, b, y, x, 'fpatan'), Math.atan2(b, a)), `atan2(${b}, ${a})`).to.be.at.most(1);
    }
  });
  it('FYL2X, FYL2XP1 and F2XM1', () => {
    for (const value of [0.1, 0.7, 1.0001, 2, 3, 1e10, 1e-200])
      expect(ulps(compute(value, 3, y, x, 'fyl2x'), 3 * Math.log2(value)), `log2 ${value}`).to.be.at.most(2);
    for (const value of [1e-15, -0.2, 0.25, 1e-3])
      expect(ulps(compute(value, 1, y, x, 'fyl2xp1'), Math.log1p(value) / Math.LN2), `${value}`).to.be.at.most(2);
    for (const value of [1e-15, -0.2, 0.25, 0.9])
      expect(ulps(compute(value, 0, x, 'f2xm1'), Math.expm1(value * Math.LN2)), `${value}`).to.be.at.most(2);
  });
  it('log of 0 divides by zero, of a negative number is invalid', () => {
    expect(compute(0, 1, y, x, 'fyl2x')).to.equal(-Infinity);
    expect(compute(-1, 1, y, x, 'fyl2x')).to.be.NaN;
  });
});
