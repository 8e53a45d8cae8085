// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Flat, run, type RunResult } from '../../../support/run.js';

const singles = (...values: number[]): number[] => [...new Uint8Array(new Float32Array(values).buffer)];
const doubles = (...values: number[]): number[] => [...new Uint8Array(new Float64Array(values).buffer)];
/** XMM1 from [rdi]; afterwards XMM0 at [rdi + 16], MXCSR at [rdi + 32]. */
function convert(from: number[], ...code: string[]): RunResult {
  return run(
    { rdi: Flat.data, memory: { [Flat.data]: from } },
    'movups xmm1, [rdi]',
    ...code,
    'movups [rdi + 16], xmm0',
    'stmxcsr [rdi + 32]',
  );
}
const flags = (result: RunResult): bigint => result.number(Flat.data + 32, 4) & 0x3fn;

describe('SSE conversions', () => {
  it('CVTSD2SI rounds to even, CVTTSD2SI cuts off; both are inexact', () => {
    expect(convert(doubles(2.5), 'cvtsd2si eax, xmm1')).to.include({ rax: 2n });
    expect(convert(doubles(3.5), 'cvtsd2si eax, xmm1')).to.include({ rax: 4n });
    const cut = convert(doubles(-3.99), 'cvttsd2si rax, xmm1');
    expect([cut.rax, flags(cut)]).to.deep.equal([0xfffffffffffffffdn, 0x20n]);
  });
  it('out of range gives the indefinite and IE', () => {
    const wide = convert(doubles(1e19), 'cvttsd2si rax, xmm1');
    expect([wide.rax, flags(wide)]).to.deep.equal([0x8000000000000000n, 1n]);
    expect(convert(doubles(2147483648), 'cvttsd2si eax, xmm1').rax).to.equal(0x80000000n);
    expect(convert(singles(NaN), 'cvtss2si eax, xmm1').rax).to.equal(0x80000000n);
  });
  it('CVTSI2SS of a large integer is inexact, CVTSI2SD of 32 bits never', () => {
    const single = run(
      { rdi: Flat.data, rax: 0x7fffffff },
      'cvtsi2ss xmm0, eax',
      'movss [rdi], xmm0',
      'stmxcsr [rdi + 8]',
    );
    expect([single.number(Flat.data, 4), single.number(Flat.data + 8, 4)]).to.deep.equal([0x4f000000n, 0x1fa0n]);
    const double = run(
      { rdi: Flat.data, rax: 0xffffffff },
      'cvtsi2sd xmm0, eax',
      'movsd [rdi], xmm0',
      'stmxcsr [rdi + 8]',
    );
    expect([double.number(Flat.data, 8), double.number(Flat.data + 8, 4)]).to.deep.equal([
      0xbff0000000000000n,
      0x1f80n,
    ]);
  });
  it('CVTPD2PS rounds and clears the upper half, CVTPS2PD is exact', () => {
    const narrow = convert(doubles(1 / 3, 1e300), 'cvtpd2ps xmm0, xmm1');
    expect(narrow.number(Flat.data + 16, 16)).to.equal(0x7f8000003eaaaaabn);
    expect(flags(narrow)).to.equal(0x28n);
    expect(convert(singles(1.5, -2), 'cvtps2pd xmm0, xmm1').number(Flat.data + 16, 16)).to.equal(
      0xc0000000000000003ff8000000000000n,
    );
  });
  it('CVTPS2DQ converts four lanes', () => {
    expect(convert(singles(1.5, -1.5, 3e9, 0.25), 'cvtps2dq xmm0, xmm1').number(Flat.data + 16, 16)).to.equal(
      0x0000000080000000fffffffe00000002n,
    );
  });
  it('CVTPI2PS of an MMX register goes over to MMX state, CVTPI2PD of memory does not', () => {
    const state = (code: string): bigint =>
      run({ rdi: Flat.data }, 'fninit', 'fld1', code, 'fnstenv [rdi + 64]').number(Flat.data + 72, 2);
    expect(state('cvtpi2ps xmm0, mm0')).to.equal(0x1555n);
    expect(state('cvtpi2pd xmm0, qword ptr [rdi]')).to.equal(0x3fffn);
  });
});
