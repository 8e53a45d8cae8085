// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Flat, run, runBytes } from '../../../support/run.js';

describe('Shifts and rotates', () => {
  it('SHL by 1 gives CF the old sign and OF the change of sign', () => {
    expect(run('mov eax, 0xc0000000', 'shl eax, 1')).to.include({ rax: 0x80000000n, flags: 'CF PF SF' });
    expect(run('mov eax, 0x40000000', 'shl eax, 1')).to.include({ rax: 0x80000000n, flags: 'PF SF OF' });
  });
  it('mask the count to 5 bits, 6 for 64-bit operands', () => {
    expect(run({ rax: 1, rcx: 33 }, 'shl eax, cl').rax).to.equal(2n);
    expect(run({ rax: 1, rcx: 33 }, 'shl rax, cl').rax).to.equal(0x200000000n);
    expect(run({ rax: 0xff, rcx: 9 }, 'shr al, cl').rax).to.equal(0n);
  });
  it('change no flag when the masked count is 0, but zero-extend a 32-bit register', () => {
    expect(run({ rax: -1n, rcx: 32, rflags: 0x8d7 }, 'shl eax, cl')).to.include({ rax: 0xffffffffn, rflags: 0x8d7 });
  });
  it('SAR fills with the sign', () => {
    expect(run({ rax: 0x80 }, 'sar al, 7')).to.include({ rax: 0xffn });
    expect(run({ rax: 1n << 63n }, 'sar rax, 63').rax).to.equal(0xffffffffffffffffn);
    expect(run({ rax: 3 }, 'sar eax, 1')).to.include({ rax: 1n, flags: 'CF' });
  });
  it('ROL and ROR change CF and OF only', () => {
    expect(run({ rax: 0x81, rflags: 0xd6 }, 'rol al, 1')).to.include({ rax: 3n, rflags: 0x8d7 });
    expect(run({ rax: 1, rflags: 0x2 }, 'ror eax, 1')).to.include({ rax: 0x80000000n, rflags: 0x803 });
  });
  it('ROL by a multiple of the size still sets CF', () => {
    expect(run({ rax: 1 }, 'rol al, 8').flags).to.contain('CF');
    expect(run({ rax: 0x80, rflags: 3 }, 'rol al, 8').flags).not.to.contain('CF');
  });
  it('RCL and RCR rotate through CF, modulo 9 and 17 for bytes and words', () => {
    expect(run({ rax: 0x80 }, 'stc', 'rcl al, 1')).to.include({ rax: 1n });
    expect(run({ rax: 0x12 }, 'stc', 'rcl al, 9')).to.include({ rax: 0x12n, flags: 'CF' });
    expect(run({ rax: 0x1234 }, 'stc', 'rcr ax, 17')).to.include({ rax: 0x1234n, flags: 'CF' });
    expect(run({ rax: 1 }, 'clc', 'rcr rax, 1')).to.include({ rax: 0n });
    expect(run({ rax: 1n << 63n }, 'stc', 'rcl rax, 2').rax).to.equal(3n);
    expect(run({ rax: 1 }, 'stc', 'rcr eax, 31').rax).to.equal(6n);
  });
  it('SHLD and SHRD bring in bits of the source', () => {
    expect(run({ rax: 0x12345678, rbx: 0xabcdef01 }, 'shld eax, ebx, 8').rax).to.equal(0x345678abn);
    expect(run({ rax: 0x12345678, rbx: 0xabcdef01 }, 'shrd eax, ebx, 8').rax).to.equal(0x01123456n);
    expect(run({ rax: 1, rbx: 1n << 63n, rcx: 1 }, 'shld rax, rbx, cl').rax).to.equal(3n);
    expect(run({ rax: 0x1234, rbx: 0xabcd }, 'shld ax, bx, 4').rax).to.equal(0x234an);
  });
  it('open a memory destination for writing even when the count is 0', () => {
    expect(run({ rbx: Flat.readOnly }, 'shl dword ptr [rbx], cl').fault).to.include({ vector: 14, code: 3 });
  });
  it('D1 /6 is a second SHL', () => {
    expect(runBytes([0xd1, 0xf0], { rax: 3 }).rax).to.equal(6n);
  });
});
