// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Flat, run } from '../../../support/run.js';

const carries = (flags: string): boolean => flags.includes('CF') && flags.includes('OF');

describe('Multiplication and division', () => {
  it('MUL gives the double-width product, CF and OF when its upper half is not 0', () => {
    const wide = run({ rax: -1n, rbx: -1n }, 'mul rbx');
    expect(wide).to.include({ rax: 1n, rdx: 0xfffffffffffffffen });
    expect(carries(wide.flags)).to.equal(true);
    expect(run({ rax: 0x10, rbx: 0x10 }, 'mul bl')).to.include({ rax: 0x100n });
    expect(carries(run({ rax: 3, rbx: 5, rdx: 9 }, 'mul ebx').flags)).to.equal(false);
    expect(run({ rax: 0x12345678, rbx: 0x1000, rdx: -1n }, 'mul bx')).to.include({
      rax: 0x12348000n,
      rdx: 0xffffffffffff0567n,
    });
  });
  it('IMUL detects what the lower half cannot hold', () => {
    expect(run({ rax: -3n, rbx: 5 }, 'imul rbx')).to.include({ rax: 0xfffffffffffffff1n, rdx: 0xffffffffffffffffn });
    expect(carries(run({ rax: -3n, rbx: 5 }, 'imul rbx').flags)).to.equal(false);
    expect(carries(run({ rax: 1n << 62n, rbx: 2 }, 'imul rbx').flags)).to.equal(true);
    expect(carries(run({ rax: 0x80, rbx: 0xff }, 'imul bl').flags)).to.equal(true);
  });
  it('IMUL with two and three operands truncates', () => {
    expect(run({ rax: 0x10000, rbx: 0x10001 }, 'imul eax, ebx').rax).to.equal(0x10000n);
    expect(run({ rbx: 7 }, 'imul rax, rbx, -3').rax).to.equal(0xffffffffffffffebn);
    expect(run({ rbx: 0x100 }, 'imul ax, bx, 0x1234').rax).to.equal(0x3400n);
  });
  it('DIV divides 128 by 64 bits', () => {
    const dividend = 0x123456789abcdef0fedcba9876543210n;
    const divisor = 0x8000000000000001n;
    const state = run({ rax: dividend & 0xffffffffffffffffn, rdx: dividend >> 64n, rbx: divisor }, 'div rbx');
    expect(state).to.include({ rax: dividend / divisor, rdx: dividend % divisor });
  });
  it('DIV of bytes puts the remainder into AH', () => {
    expect(run({ rax: 1003, rbx: 10 }, 'div bl')).to.include({ rax: 0x0364n });
  });
  it('#DE comes by 0 and by overflow, before any change', () => {
    expect(run({ rax: 5, rdx: 1, rflags: 0x8d7 }, 'div ebx')).to.deep.include({ rax: 5n, rdx: 1n, rflags: 0x8d7 });
    expect(run({ rax: 5, rdx: 1, rbx: 1 }, 'div ebx').fault?.vector).to.equal(0);
    expect(run({ rax: 0x80000000, rdx: 0xffffffff, rbx: -1n }, 'idiv ebx').fault?.vector).to.equal(0);
    expect(run({ rax: 1n << 63n, rdx: -1n, rbx: -1n }, 'idiv rbx').fault?.vector).to.equal(0);
    expect(run({ rax: 0x8000, rbx: 0x80 }, 'idiv bl').fault?.vector).to.equal(0);
  });
  it('IDIV truncates towards 0 and gives the remainder the dividend’s sign', () => {
    expect(run({ rax: -7n, rdx: -1n, rbx: 2 }, 'idiv rbx')).to.include({
      rax: 0xfffffffffffffffdn,
      rdx: 0xffffffffffffffffn,
    });
    expect(run({ rax: 7, rbx: -2n }, 'idiv ebx')).to.include({ rax: 0xfffffffdn, rdx: 1n });
    expect(run({ rax: 0xff80, rbx: 1 }, 'idiv bl').rax).to.equal(0x80n);
  });
  it('a fault of the operand comes before #DE', () => {
    expect(run({ rbx: Flat.absent }, 'div dword ptr [rbx]').fault?.vector).to.equal(14);
  });
});
