// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Flat, run, runBytes } from '../../../support/run.js';

describe('Bit instructions', () => {
  it('BT takes a register’s offset modulo the size and leaves ZF', () => {
    expect(run({ rax: 2, rcx: 33, rflags: 0x42 }, 'bt eax, ecx').flags).to.equal('CF ZF');
    expect(run({ rax: 2, rcx: 33 }, 'bt rax, rcx').flags).to.equal('');
  });
  it('BTS, BTR, BTC change the bit', () => {
    expect(run('bts rax, 63')).to.include({ rax: 1n << 63n, flags: '' });
    expect(run({ rax: -1n }, 'btr eax, 31')).to.include({ rax: 0x7fffffffn, flags: 'CF' });
    expect(run({ rax: 1 }, 'btc ax, 0')).to.include({ rax: 0n, flags: 'CF' });
  });
  it('a register offset reaches memory before and after the operand', () => {
    const state = run({ rbx: Flat.data + 64, rcx: -1n, rdx: 257 }, 'bts [rbx], rcx', 'bts dword ptr [rbx], edx');
    expect(state.number(Flat.data + 56, 8)).to.equal(1n << 63n);
    expect(state.number(Flat.data + 64 + 32, 4)).to.equal(2n);
  });
  it('a bit string wraps at the address size', () => {
    // bts [ebx], rcx: 32-bit address with 64-bit operand
    const state = runBytes([0x67, 0x48, 0x0f, 0xab, 0x0b], { rbx: Flat.data + 8, rcx: 0x800000000n - 64n });
    expect(state.fault).to.equal(undefined);
    expect(state.number(Flat.data, 8)).to.equal(1n);
  });
  it('an immediate offset stays inside the operand', () => {
    expect(run({ rbx: Flat.data }, 'bts dword ptr [rbx], 33').number(Flat.data, 8)).to.equal(2n);
  });
  it('BSF and BSR leave the destination when the source is 0', () => {
    expect(run({ rax: 7 }, 'bsf rax, rbx'))
      .to.include({ rax: 7n })
      .and.to.have.property('flags')
      .that.contains('ZF');
    expect(run({ rbx: 0x8010 }, 'bsf eax, ebx', 'bsr ecx, ebx')).to.include({ rax: 4n, rcx: 15n });
    expect(run({ rbx: 1n << 63n }, 'bsr rax, rbx').rax).to.equal(63n);
  });
  it('TZCNT of 0 is the size', () => {
    expect(run('tzcnt ax, bx')).to.include({ rax: 16n }).and.to.have.property('flags').that.contains('CF');
    expect(run({ rbx: 1n << 40n }, 'tzcnt rax, rbx'))
      .to.include({ rax: 40n })
      .and.to.have.property('flags')
      .that.does.not.match(/CF|ZF/);
    expect(run({ rbx: 1 }, 'tzcnt eax, ebx').flags).to.contain('ZF');
  });
  it('LZCNT of 0 is the size', () => {
    expect(run('lzcnt ax, bx')).to.include({ rax: 16n }).and.to.have.property('flags').that.contains('CF');
    expect(run({ rbx: 1 }, 'lzcnt rax, rbx').rax).to.equal(63n);
  });
  it('POPCNT counts and clears all flags but ZF', () => {
    expect(run({ rbx: 0xff00ff, rflags: 0x8d7 }, 'popcnt eax, ebx')).to.include({ rax: 16n, flags: '' });
    expect(run({ rflags: 0x8d7 }, 'popcnt rax, rbx').flags).to.equal('ZF');
  });
});
