// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Flat, run } from '../../../support/run.js';

const bits = (...values: number[]): number[] => [...new Uint8Array(new Uint32Array(values).buffer)];
const data = { rdi: Flat.data };

describe('MXCSR and FXSAVE', () => {
  it('LDMXCSR refuses reserved bits', () => {
    expect(run({ ...data, memory: { [Flat.data]: bits(0x10000) } }, 'ldmxcsr [rdi]').fault).to.include({
      vector: 13,
      code: 0,
    });
    expect(
      run({ ...data, memory: { [Flat.data]: bits(0xffff) } }, 'ldmxcsr [rdi]', 'stmxcsr [rdi + 4]').number(
        Flat.data + 4,
        4,
      ),
    ).to.equal(0xffffn);
  });
  it('FXSAVE writes the legacy region, FXRSTOR reads it', () => {
    const result = run(
      data,
      'fninit',
      'fldpi',
      'pcmpeqd xmm15, xmm15',
      'fxsave64 [rdi]',
      'fninit',
      'pxor xmm15, xmm15',
      'fxrstor64 [rdi]',
      'fstp tbyte ptr [rdi + 0x200]',
      'movups [rdi + 0x210], xmm15',
    );
    expect(result.number(Flat.data, 6)).to.equal(0x80_3800_037fn);
    expect(result.number(Flat.data + 8, 8), 'RIP of FLDPI').to.equal(BigInt(Flat.code + 2));
    expect(result.number(Flat.data + 24, 8)).to.equal(0xffff00001f80n);
    expect(result.number(Flat.data + 32, 16)).to.equal(0x4000c90fdaa22168c235n);
    expect(result.number(Flat.data + 0x200, 10)).to.equal(0x4000c90fdaa22168c235n);
    expect(result.number(Flat.data + 0x210, 16)).to.equal((1n << 128n) - 1n);
  });
  it('outside 64-bit mode there are 8 XMM registers, and 32-bit pointers', () => {
    const memory = { [Flat.data]: Array.from({ length: 512 }, () => 0xaa) };
    const result = run({ ...data, bits: 32, memory }, 'fninit', 'fldpi', 'pxor xmm7, xmm7', 'fxsave [edi]');
    expect(result.number(Flat.data + 160 + 7 * 16, 16)).to.equal(0n);
    expect(result.number(Flat.data + 160 + 8 * 16, 1)).to.equal(0xaan);
    expect(result.number(Flat.data + 8, 4)).to.equal(BigInt(Flat.code + 2));
  });
  it('need 16-byte alignment, and no reserved bit of MXCSR', () => {
    expect(run(data, 'fxsave [rdi + 8]').fault).to.include({ vector: 13, code: 0 });
    expect(run({ ...data, memory: { [Flat.data + 24]: bits(0xffffffff) } }, 'fxrstor [rdi]').fault).to.include({
      vector: 13,
      code: 0,
    });
  });
  it('report no waiting x87 exception', () => {
    expect(
      run(
        { ...data, memory: { [Flat.data]: [0x7b, 3] } },
        'fninit',
        'fld1',
        'fldz',
        'fdivp',
        'fldcw [rdi]',
        'fxsave [rdi]',
      ).fault,
    ).to.equal(undefined);
  });
});
