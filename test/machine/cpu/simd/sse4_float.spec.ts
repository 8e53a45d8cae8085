// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Flat, run, type RunResult } from '../../../support/run.js';

const singles = (...values: number[]): number[] => [...new Uint8Array(new Float32Array(values).buffer)];
function compute(a: number[], b: number[], code: string): RunResult {
  return run(
    { rdi: Flat.data, memory: { [Flat.data]: a, [Flat.data + 16]: b } },
    'movups xmm0, [rdi]',
    'movups xmm1, [rdi + 16]',
    code,
    'movups [rdi + 32], xmm0',
    'stmxcsr [rdi + 48]',
  );
}
const lanes = (result: RunResult): number[] => [
  ...new Float32Array(new Uint8Array(result.bytes(Flat.data + 32, 16)).buffer),
];
const flags = (result: RunResult): bigint => result.number(Flat.data + 48, 4) & 0x3fn;

describe('SSE4.1 floating point', () => {
  it('ROUNDPS takes its mode from the immediate, and is inexact unless that forbids it', () => {
    const source = singles(2.5, -2.5, 0.4, 7);
    const nearest = compute(singles(), source, 'roundps xmm0, xmm1, 0');
    expect(lanes(nearest)).to.deep.equal([2, -2, 0, 7]);
    expect(flags(nearest)).to.equal(0x20n);
    expect(lanes(compute(singles(), source, 'roundps xmm0, xmm1, 1'))).to.deep.equal([2, -3, 0, 7]);
    expect(lanes(compute(singles(), source, 'roundps xmm0, xmm1, 2'))).to.deep.equal([3, -2, 1, 7]);
    expect(flags(compute(singles(), source, 'roundps xmm0, xmm1, 11'))).to.equal(0n);
  });
  it('DPPS multiplies the chosen lanes and spreads the sum', () => {
    expect(lanes(compute(singles(1, 2, 3, 4), singles(10, 20, 30, 40), 'dpps xmm0, xmm1, 0x7a'))).to.deep.equal([
      0, 140, 0, 140,
    ]);
  });
  it('INSERTPS moves one lane and clears others', () => {
    expect(lanes(compute(singles(1, 2, 3, 4), singles(10, 20, 30, 40), 'insertps xmm0, xmm1, 0x98'))).to.deep.equal([
      1, 30, 3, 0,
    ]);
    expect(
      lanes(compute(singles(1, 2, 3, 4), singles(10, 20, 30, 40), 'insertps xmm0, dword ptr [rdi + 24], 0x91')),
    ).to.deep.equal([0, 30, 3, 4]);
  });
});
