// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Flat, run, type RunResult } from '../../../support/run.js';

/** XMM1 and XMM2 hold two texts, padded with zeros. */
function compare(first: string, second: string, code: string, lengths: { rax?: number; rdx?: number } = {}): RunResult {
  const bytes = (text: string): number[] => [...text.padEnd(16, '\0')].map((letter) => letter.charCodeAt(0));
  return run(
    { ...lengths, rdi: Flat.data, memory: { [Flat.data]: bytes(first), [Flat.data + 16]: bytes(second) } },
    'movups xmm1, [rdi]',
    'movups xmm2, [rdi + 16]',
    code,
    'movups [rdi + 32], xmm0',
  );
}

describe('SSE4.2 string comparison', () => {
  it('equal any finds the first character of a set', () => {
    expect(compare('xyz', 'abcyz', 'pcmpistri xmm1, xmm2, 0')).to.include({ rcx: 3n });
    expect(compare('q', 'abcyz', 'pcmpistri xmm1, xmm2, 0')).to.include({ rcx: 16n });
  });
  it('ranges, each, and ordered (substring search)', () => {
    expect(compare('az', 'AB-cd', 'pcmpistri xmm1, xmm2, 4').rcx).to.equal(3n);
    expect(compare('hello', 'help!', 'pcmpistri xmm1, xmm2, 0x18').rcx, 'first difference').to.equal(3n);
    expect(compare('lo w', 'hello world', 'pcmpistri xmm1, xmm2, 0x0c').rcx).to.equal(3n);
  });
  it('sets CF for a match, ZF and SF for ends of the strings, OF for the first element', () => {
    expect(compare('h', 'hello', 'pcmpistri xmm1, xmm2, 0').flags).to.equal('CF ZF SF OF');
    expect(compare('h', '0123456789abcdef', 'pcmpistri xmm1, xmm2, 0').flags).to.equal('SF');
  });
  it('the mask form writes XMM0 as bits or as bytes', () => {
    expect(compare('l', 'hello', 'pcmpistrm xmm1, xmm2, 0').number(Flat.data + 32, 16)).to.equal(0b1100n);
    expect(compare('l', 'hello', 'pcmpistrm xmm1, xmm2, 0x40').number(Flat.data + 32, 16)).to.equal(0xffff0000n);
  });
  it('explicit lengths come from EAX and EDX, as absolute values', () => {
    expect(compare('xyz', 'abcyz', 'pcmpestri xmm1, xmm2, 0', { rax: -1, rdx: 16 }).rcx).to.equal(16n);
    expect(compare('xyz', 'abcyz', 'pcmpestri xmm1, xmm2, 0', { rax: 3, rdx: 3 }).rcx).to.equal(16n);
    expect(compare('xyz', 'abcyz', 'pcmpestri xmm1, xmm2, 0', { rax: 3, rdx: 4 }).rcx).to.equal(3n);
  });
});
