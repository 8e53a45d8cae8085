// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Flat, run, type RunResult } from '../../../support/run.js';

const sixteen = Array.from({ length: 16 }, (_, i) => i);
function compute(a: number[], b: number[], ...code: string[]): RunResult {
  return run(
    { rdi: Flat.data, memory: { [Flat.data]: a, [Flat.data + 16]: b } },
    'movups xmm1, [rdi]',
    'movups xmm2, [rdi + 16]',
    ...code,
    'movups [rdi + 32], xmm1',
  );
}
const result = (run: RunResult): number[] => run.bytes(Flat.data + 32, 16);

describe('SSE4 on integers', () => {
  it('PTEST sets ZF for no common bit, CF for no bit outside', () => {
    expect(compute([1], [2], 'ptest xmm1, xmm2').flags).to.equal('ZF');
    expect(compute([3], [2], 'ptest xmm1, xmm2').flags).to.equal('CF');
    expect(compute([3], [6], 'ptest xmm1, xmm2').flags).to.equal('');
    expect(compute([3], [], 'ptest xmm1, xmm2').flags).to.equal('CF ZF');
  });
  it('PBLENDVB takes the mask from XMM0, PBLENDW from the immediate', () => {
    const mask = sixteen.map((i) => (i & 1 ? 0x80 : 0));
    const other = sixteen.map((i) => i + 100);
    expect(
      result(
        run(
          { rdi: Flat.data, memory: { [Flat.data]: sixteen, [Flat.data + 16]: other, [Flat.data + 48]: mask } },
          'movups xmm1, [rdi]',
          'movups xmm0, [rdi + 48]',
          'pblendvb xmm1, [rdi + 16]',
          'movups [rdi + 32], xmm1',
        ),
      ),
    ).to.deep.equal(sixteen.map((i) => (i & 1 ? i + 100 : i)));
    expect(result(compute(sixteen, other, 'pblendw xmm1, xmm2, 0x81'))).to.deep.equal(
      sixteen.map((i) => (i < 2 || i > 13 ? i + 100 : i)),
    );
  });
  it('PHMINPOSUW finds the least word and its place', () => {
    const words = [9, 8, 3, 7, 3, 6, 65535, 5].flatMap((value) => [value & 255, value >> 8]);
    expect(result(compute([], words, 'phminposuw xmm1, xmm2')).slice(0, 5)).to.deep.equal([3, 0, 2, 0, 0]);
  });
  it('MPSADBW sums absolute differences of a sliding window', () => {
    expect(result(compute(sixteen, [4, 5, 6, 7], 'mpsadbw xmm1, xmm2, 0')).filter((_, i) => i % 2 === 0)).to.deep.equal(
      [16, 12, 8, 4, 0, 4, 8, 12],
    );
  });
  it('PMOVSX reads no more than it needs', () => {
    const at = Flat.absent - 4;
    expect(
      run(
        { rdi: at, memory: { [at]: [0xff, 1, 0x80, 0x7f] } },
        'pmovsxbd xmm0, dword ptr [rdi]',
        `mov edi, ${Flat.data}`,
        'movups [rdi], xmm0',
      ).number(Flat.data, 16),
    ).to.equal(0x0000007fffffff8000000001ffffffffn);
  });
  it('PEXTRB and PINSRQ reach single elements', () => {
    expect(compute(sixteen, [], 'pextrb eax, xmm1, 13').rax).to.equal(13n);
    expect(result(compute(sixteen, [], 'mov rax, -1', 'pinsrq xmm1, rax, 1'))).to.deep.equal([
      ...sixteen.slice(0, 8),
      ...Array.from({ length: 8 }, () => 255),
    ]);
  });
});
