// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Flat, run } from '../../../support/run.js';

const data = { rdi: Flat.data };

describe('MMX', () => {
  it('writing a register makes all tags valid, TOP 0, and its exponent all ones', () => {
    const result = run({ ...data, rax: 0x0123456789abcdefn }, 'fninit', 'fld1', 'movq mm3, rax', 'fnsave [rdi]');
    expect(result.number(Flat.data + 4, 2) & 0x3800n).to.equal(0n);
    expect(result.number(Flat.data + 8, 2), 'R7 holds 1.0, R3 a NaN, the others 0').to.equal(0x1595n);
    expect(result.number(Flat.data + 28 + 30, 10)).to.equal(0xffff0123456789abcdefn);
  });
  it('EMMS empties the stack', () => {
    expect(run(data, 'pxor mm0, mm0', 'emms', 'fnstenv [rdi]').number(Flat.data + 8, 2)).to.equal(0xffffn);
  });
  it('saturates where the name says so', () => {
    const compute = (a: bigint, b: bigint, code: string): bigint =>
      run({ rax: a, rbx: b }, 'movq mm0, rax', 'movq mm1, rbx', code, 'movq rcx, mm0').rcx;
    expect(compute(0x7fff80000001ffffn, 0x0001ffff0001ffffn, 'paddsw mm0, mm1')).to.equal(0x7fff80000002fffen);
    expect(compute(0xff01n, 0x0102n, 'paddusb mm0, mm1')).to.equal(0xff03n);
    expect(compute(0x0001000200030004n, 0x00050006ffff7fffn, 'packuswb mm0, mm1')).to.equal(0x050600ff01020304n);
    expect(compute(0x8000800080008000n, 0x8000800080008000n, 'pmaddwd mm0, mm1')).to.equal(0x8000000080000000n);
  });
  it('raises a pending x87 exception first, #NM with CR0.TS, #UD with CR0.EM', () => {
    const memory = { [Flat.data]: [0x7b, 3] };
    expect(
      run({ ...data, memory }, 'fninit', 'fld1', 'fldz', 'fdivp', 'fldcw [rdi]', 'pxor mm0, mm0').fault?.vector,
    ).to.equal(16);
    expect(run('mov rax, cr0', 'or al, 8', 'mov cr0, rax', 'pxor mm0, mm0').fault?.vector).to.equal(7);
    expect(run('mov rax, cr0', 'or al, 4', 'mov cr0, rax', 'pxor mm0, mm0').fault?.vector).to.equal(6);
  });
});
