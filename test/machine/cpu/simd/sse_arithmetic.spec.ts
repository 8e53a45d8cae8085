// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Flat, run, type RunResult } from '../../../support/run.js';

const singles = (...values: number[]): number[] => [...new Uint8Array(new Float32Array(values).buffer)];
const doubles = (...values: number[]): number[] => [...new Uint8Array(new Float64Array(values).buffer)];
const bits = (...values: number[]): number[] => [...new Uint8Array(new Uint32Array(values).buffer)];

/** XMM0 and XMM1 from [rdi] and [rdi + 16], MXCSR from [rdi + 32]; afterwards XMM0 at [rdi + 48], MXCSR at [rdi + 64]. */
function sse(a: number[], b: number[], code: string, mxcsr = 0x1f80): RunResult {
  const memory = { [Flat.data]: a, [Flat.data + 16]: b, [Flat.data + 32]: bits(mxcsr) };
  return run(
    { rdi: Flat.data, memory },
    'movups xmm0, [rdi]',
    'movups xmm1, [rdi + 16]',
    'ldmxcsr [rdi + 32]',
    code,
    'movups [rdi + 48], xmm0',
    'stmxcsr [rdi + 64]',
  );
}
const lanes = (result: RunResult): string[] =>
  [0, 4, 8, 12].map((at) =>
    result
      .number(Flat.data + 48 + at, 4)
      .toString(16)
      .padStart(8, '0'),
  );
const wide = (result: RunResult): string =>
  result
    .number(Flat.data + 48, 8)
    .toString(16)
    .padStart(16, '0');
const flags = (result: RunResult): bigint => result.number(Flat.data + 64, 4) & 0x3fn;

describe('SSE arithmetic', () => {
  it('works on all lanes, and scalar forms leave the upper ones', () => {
    const a = singles(1, 2, 3, 4),
      b = singles(10, 20, 30, 40);
    expect(lanes(sse(a, b, 'addps xmm0, xmm1'))).to.deep.equal(['41300000', '41b00000', '42040000', '42300000']);
    expect(lanes(sse(a, b, 'mulss xmm0, xmm1'))).to.deep.equal(['41200000', '40000000', '40400000', '40800000']);
  });
  it('exact results raise nothing, others PE, which stays', () => {
    expect(flags(sse(singles(1), singles(2), 'addss xmm0, xmm1'))).to.equal(0n);
    expect(flags(sse(singles(1), singles(3), 'divss xmm0, xmm1'))).to.equal(0x20n);
    expect(flags(sse(singles(1), singles(2), 'addss xmm0, xmm1', 0x1fa0))).to.equal(0x20n);
    expect(flags(sse(doubles(1e16), doubles(1), 'addsd xmm0, xmm1'))).to.equal(0x20n);
  });
  it('rounds by MXCSR.RC', () => {
    const third = (mxcsr: number): string => wide(sse(doubles(1), doubles(3), 'divsd xmm0, xmm1', mxcsr));
    expect(third(0x1f80)).to.equal('3fd5555555555555');
    expect(third(0x3f80)).to.equal('3fd5555555555555');
    expect(third(0x5f80)).to.equal('3fd5555555555556');
    expect(third(0x7f80)).to.equal('3fd5555555555555');
    expect(wide(sse(doubles(-1), doubles(3), 'divsd xmm0, xmm1', 0x3f80))).to.equal('bfd5555555555556');
  });
  it('x − x is +0, but −0 when rounding down', () => {
    expect(wide(sse(doubles(5), doubles(5), 'subsd xmm0, xmm1'))).to.equal('0000000000000000');
    expect(wide(sse(doubles(5), doubles(5), 'subsd xmm0, xmm1', 0x3f80))).to.equal('8000000000000000');
  });
  it('the first NaN survives, made quiet; a signalling one raises IE', () => {
    const quiet = sse(bits(0x7fc00001), bits(0x7f800002), 'addss xmm0, xmm1');
    expect([lanes(quiet)[0], flags(quiet)]).to.deep.equal(['7fc00001', 1n]);
    const second = sse(singles(1), bits(0xff800005), 'addss xmm0, xmm1');
    expect([lanes(second)[0], flags(second)]).to.deep.equal(['ffc00005', 1n]);
    const invalid = sse(singles(Infinity), singles(Infinity), 'subss xmm0, xmm1');
    expect([lanes(invalid)[0], flags(invalid)]).to.deep.equal(['ffc00000', 1n]);
  });
  it('underflow gives a denormal with UE and PE, or 0 with FTZ; DAZ reads denormals as 0', () => {
    const tiny = bits(0x00800000),
      half = singles(0.75);
    const denormal = sse(bits(0x00800001), half, 'mulss xmm0, xmm1');
    expect([lanes(denormal)[0], flags(denormal)]).to.deep.equal(['00600001', 0x30n]);
    const exact = sse(tiny, half, 'mulss xmm0, xmm1');
    expect([lanes(exact)[0], flags(exact)]).to.deep.equal(['00600000', 0n]);
    const flushed = sse(tiny, half, 'mulss xmm0, xmm1', 0x9f80);
    expect([lanes(flushed)[0], flags(flushed)]).to.deep.equal(['00000000', 0x30n]);
    const asZero = sse(bits(1), singles(1), 'addss xmm0, xmm1', 0x1fc0);
    expect([lanes(asZero)[0], flags(asZero)]).to.deep.equal(['3f800000', 0n]);
    expect(flags(sse(bits(1), singles(1), 'addss xmm0, xmm1'))).to.equal(0x22n);
  });
  it('an unmasked exception raises #XM, sets its flag and leaves the destination', () => {
    const result = sse(singles(1), singles(0), 'divss xmm0, xmm1', 0x1d80);
    expect(result.fault?.vector).to.equal(19);
    const memory = { [Flat.data]: singles(1), [Flat.data + 16]: singles(0), [Flat.data + 32]: bits(0x1d80) };
    const without = run(
      { rdi: Flat.data, memory },
      'mov rax, cr4',
      'and ah, 0xfb',
      'mov cr4, rax',
      'movups xmm0, [rdi]',
      'movups xmm1, [rdi + 16]',
      'ldmxcsr [rdi + 32]',
      'divss xmm0, xmm1',
    );
    expect(without.fault?.vector, 'CR4.OSXMMEXCPT = 0').to.equal(6);
  });
  it('MINPS and MAXPS take the second operand of two zeros or with a NaN', () => {
    expect(
      lanes(
        sse(
          bits(0, 0x7fc00000, 0x3f800000, 0xbf800000),
          bits(0x80000000, 0x3f800000, 0x7fc00000, 0x3f800000),
          'minps xmm0, xmm1',
        ),
      ),
    ).to.deep.equal(['80000000', '3f800000', '7fc00000', 'bf800000']);
  });
  it('CMPPS gives masks; LT and LE are invalid for quiet NaNs, EQ is not', () => {
    const a = bits(0x3f800000, 0x40000000, 0x7fc00000, 0),
      b = bits(0x40000000, 0x40000000, 0x3f800000, 0x80000000);
    const less = sse(a, b, 'cmpps xmm0, xmm1, 1');
    expect([lanes(less), flags(less)]).to.deep.equal([['ffffffff', '00000000', '00000000', '00000000'], 1n]);
    const equal = sse(a, b, 'cmpps xmm0, xmm1, 0');
    expect([lanes(equal), flags(equal)]).to.deep.equal([['00000000', 'ffffffff', '00000000', 'ffffffff'], 0n]);
  });
  it('UCOMISD sets ZF PF CF', () => {
    const compare = (a: number, b: number): string => sse(doubles(a), doubles(b), 'ucomisd xmm0, xmm1').flags;
    expect(compare(1, 2)).to.equal('CF');
    expect(compare(2, 2)).to.equal('ZF');
    expect(compare(3, 2)).to.equal('');
    expect(compare(NaN, 2)).to.equal('CF PF ZF');
  });
  it('RCPPS and RSQRTPS are right to 1.5 × 2^-12', () => {
    const value = (result: RunResult): number =>
      new DataView(new Uint8Array(result.bytes(Flat.data + 48, 4)).buffer).getFloat32(0, true);
    for (const x of [1, 3, 0.7, 1e10, 123.456]) {
      expect(Math.abs(value(sse(singles(0), singles(x), 'rcpss xmm0, xmm1')) * x - 1)).to.be.below(1.5 * 2 ** -12);
      expect(Math.abs(value(sse(singles(0), singles(x), 'rsqrtss xmm0, xmm1')) * Math.sqrt(x) - 1)).to.be.below(
        1.5 * 2 ** -12,
      );
    }
  });
});
