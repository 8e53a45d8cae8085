// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Flat, run } from '../../../support/run.js';

const pattern = Array.from({ length: 32 }, (_, i) => i + 1);
const options = { rdi: Flat.data, memory: { [Flat.data]: pattern } };

describe('SSE moves', () => {
  it('MOVAPS and MOVDQA need 16-byte alignment, MOVUPS and MOVDQU do not', () => {
    expect(run(options, 'movaps xmm0, [rdi + 1]').fault).to.include({ vector: 13, code: 0 });
    expect(run(options, 'movdqa [rdi + 8], xmm0').fault).to.include({ vector: 13, code: 0 });
    expect(run(options, 'movups xmm3, [rdi + 1]', 'movdqa [rdi + 32], xmm3').bytes(Flat.data + 32, 16)).to.deep.equal(
      pattern.slice(1, 17),
    );
  });
  it('an unaligned store over two pages writes nothing if the second faults', () => {
    const at = Flat.absent - 8;
    const result = run({ rdi: at }, 'pcmpeqd xmm0, xmm0', 'movdqu [rdi], xmm0');
    expect(result.fault).to.deep.include({ vector: 14, code: 2, address: BigInt(Flat.absent) });
    expect(result.number(at, 8)).to.equal(0n);
  });
  it('an unaligned access over two pages works', () => {
    const at = Flat.data + 0x1000 - 5;
    expect(
      run({ rdi: at, memory: { [at]: pattern } }, 'movdqu xmm9, [rdi]', 'movdqu [rdi + 1], xmm9').bytes(at, 17),
    ).to.deep.equal([1, ...pattern.slice(0, 16)]);
  });
  it('MOVSS and MOVSD clear the rest of the register when loading, and keep it between registers', () => {
    const result = run(
      options,
      'movups xmm0, [rdi]',
      'movss xmm0, [rdi + 16]',
      'movups [rdi + 32], xmm0',
      'movups xmm1, [rdi]',
      'movsd xmm1, xmm0',
      'movups [rdi + 48], xmm1',
    );
    expect(result.bytes(Flat.data + 32, 16)).to.deep.equal([17, 18, 19, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(result.bytes(Flat.data + 48, 16)).to.deep.equal([17, 18, 19, 20, 0, 0, 0, 0, ...pattern.slice(8, 16)]);
  });
  it('MOVD and MOVQ move between register files', () => {
    const result = run(
      { ...options, rax: 0x1122334455667788n },
      'movq xmm15, rax',
      'movd ebx, xmm15',
      'movq rcx, xmm15',
      'movups [rdi], xmm15',
    );
    expect(result).to.include({ rbx: 0x55667788n, rcx: 0x1122334455667788n });
    expect(result.number(Flat.data, 16)).to.equal(0x1122334455667788n);
  });
  it('raise #UD with CR0.EM or without CR4.OSFXSR, #NM with CR0.TS', () => {
    expect(run('mov rax, cr0', 'or al, 4', 'mov cr0, rax', 'xorps xmm0, xmm0').fault?.vector).to.equal(6);
    expect(run('mov rax, cr0', 'or al, 8', 'mov cr0, rax', 'xorps xmm0, xmm0').fault?.vector).to.equal(7);
    expect(run('mov rax, cr4', 'and ah, 0xfd', 'mov cr4, rax', 'xorps xmm0, xmm0').fault?.vector).to.equal(6);
  });
  it('MASKMOVDQU stores the chosen bytes only', () => {
    const mask = Array.from({ length: 16 }, (_, i) => (i % 3 === 0 ? 0x80 : 0x7f));
    const result = run(
      { rdi: Flat.data + 64, rsi: Flat.data, memory: { [Flat.data]: pattern.slice(0, 16), [Flat.data + 16]: mask } },
      'movups xmm1, [rsi]',
      'movups xmm2, [rsi + 16]',
      'maskmovdqu xmm1, xmm2',
    );
    expect(result.bytes(Flat.data + 64, 16)).to.deep.equal(
      pattern.slice(0, 16).map((value, i) => (i % 3 === 0 ? value : 0)),
    );
  });
});
