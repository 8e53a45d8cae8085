// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Flat, run, runBytes } from '../../../support/run.js';

describe('Arithmetic and logic instructions', () => {
  describe('ADD', () => {
    it('sets OF SF AF PF when the largest signed number is incremented by 1', () => {
      const { rax, flags } = run('mov eax, 0x7fffffff', 'add eax, 1');
      expect(rax).to.equal(0x80000000n);
      expect(flags).to.equal('PF AF SF OF');
    });
    it('sets CF ZF PF AF when all ones wrap to 0, for each size', () => {
      expect(run('mov al, 0xff', 'add al, 1').flags).to.equal('CF PF AF ZF');
      expect(run('mov ax, 0xffff', 'add ax, 1').flags).to.equal('CF PF AF ZF');
      expect(run('mov eax, -1', 'add eax, 1').flags).to.equal('CF PF AF ZF');
      expect(run('mov rax, -1', 'add rax, 1').flags).to.equal('CF PF AF ZF');
    });
    it('zero-extends a 32-bit result and keeps the rest of an 8- or 16-bit one', () => {
      expect(run({ rax: -1n }, 'add eax, 2').rax).to.equal(1n);
      expect(run({ rax: -1n }, 'add ax, 2').rax).to.equal(0xffffffffffff0001n);
      expect(run({ rax: -1n }, 'add ah, 2').rax).to.equal(0xffffffffffff01ffn);
    });
    it('adds to memory', () => {
      const state = run({ rbx: Flat.data, memory: { [Flat.data]: [0xff, 0xff] } }, 'add word ptr [rbx], 1');
      expect(state.number(Flat.data, 2)).to.equal(0n);
      expect(state.flags).to.equal('CF PF AF ZF');
    });
    it('changes neither flags nor memory when the page is read-only', () => {
      const state = run({ rbx: Flat.readOnly, rflags: 0x8d7 }, 'add dword ptr [rbx], 1');
      expect(state.fault).to.deep.equal({ vector: 14, code: 3, address: BigInt(Flat.readOnly) });
      expect(state.rflags).to.equal(0x8d7);
      expect(state.ripOffset).to.equal(0);
    });
    it('writes across a page border', () => {
      const at = Flat.data + 0xffe;
      const state = run({ rbx: at, memory: { [at]: [1, 2, 3, 4] } }, 'add dword ptr [rbx], 0x10101010');
      expect(state.bytes(at, 4)).to.deep.equal([0x11, 0x12, 0x13, 0x14]);
    });
    it('writes nothing when only the second page faults', () => {
      const at = Flat.absent - 2;
      const state = run({ rbx: at, memory: { [at]: [1, 2] } }, 'add dword ptr [rbx], 1');
      expect(state.fault?.address).to.equal(BigInt(Flat.absent));
      expect(state.bytes(at, 2)).to.deep.equal([1, 2]);
    });
  });

  describe('ADCX and ADOX', () => {
    it('carry in and out through one flag, and leave the others', () => {
      const ones = 0xffffffffffffffffn;
      const given = { rax: ones, rbx: 0, rflags: 0x8d7 };
      // CF, PF, AF, ZF, SF and OF are 1: 0 comes out, and a carry.
      expect(run(given, 'adcx rax, rbx')).to.include({ rax: 0n, flags: run(given, 'nop').flags });
      expect(run(given, 'adox rax, rbx')).to.include({ rax: 0n, flags: run(given, 'nop').flags });
      expect(run({ ...given, rax: 1 }, 'adcx rax, rbx').flags).to.equal(run({ rflags: 0x8d6 }, 'nop').flags);
      expect(run({ ...given, rax: 1 }, 'adox rax, rbx').flags).to.equal(run({ rflags: 0x0d7 }, 'nop').flags);
    });
    it('set one flag only', () => {
      const given = { rax: 0x80000000n, rbx: 0x80000001n };
      expect(run(given, 'adcx eax, ebx')).to.include({ rax: 1n, flags: 'CF' });
      expect(run(given, 'adox eax, ebx')).to.include({ rax: 1n, flags: 'OF' });
      expect(run({ ...given, rbx: 0xffffffffffffffffn, rflags: 3 }, 'adcx rax, rbx')).to.include({
        rax: 0x80000000n,
        flags: 'CF',
      });
    });
  });

  describe('ADC and SBB', () => {
    it('carry out when SRC is all ones and CF is 1', () => {
      expect(run('mov eax, 5', 'stc', 'adc eax, -1')).to.include({ rax: 5n, flags: 'CF PF AF' });
    });
    it('borrow when SRC + CF wraps', () => {
      expect(run('mov eax, 5', 'stc', 'sbb eax, -1')).to.include({ rax: 5n, flags: 'CF PF AF' });
    });
    it('make a mask of CF', () => {
      expect(run('stc', 'sbb rax, rax').rax).to.equal(0xffffffffffffffffn);
      expect(run({ rax: 7 }, 'clc', 'sbb rax, rax')).to.include({ rax: 0n, flags: 'PF ZF' });
    });
    it('overflow by the carry alone', () => {
      expect(run('mov al, 0x7f', 'stc', 'adc al, 0').flags).to.equal('AF SF OF');
      expect(run('mov al, 0x80', 'stc', 'sbb al, 0').flags).to.equal('AF OF');
    });
  });

  describe('SUB, CMP and NEG', () => {
    it('set OF when the smallest signed number is decremented', () => {
      expect(run('mov eax, 0x80000000', 'sub eax, 1')).to.include({ rax: 0x7fffffffn, flags: 'PF AF OF' });
    });
    it('CMP leaves its operands', () => {
      expect(run({ rax: 1, rbx: 2 }, 'cmp rax, rbx')).to.include({ rax: 1n, rbx: 2n, flags: 'CF PF AF SF' });
    });
    it('CMP with memory only reads it', () => {
      expect(run({ rbx: Flat.readOnly }, 'cmp byte ptr [rbx], 0').fault).to.equal(undefined);
    });
    it('NEG of 0 clears CF, of the smallest number sets OF', () => {
      expect(run('neg rax').flags).to.equal('PF ZF');
      expect(run('mov al, 0x80', 'neg al')).to.include({ rax: 0x80n, flags: 'CF SF OF' });
    });
  });

  describe('AND, OR, XOR, TEST and NOT', () => {
    it('clear CF and OF', () => {
      expect(run({ rflags: 0x803, rax: 0x80 }, 'or al, al').flags).to.equal('SF');
      expect(run({ rflags: 0x803 }, 'xor eax, eax').flags).to.equal('PF ZF');
      expect(run({ rflags: 0x803, rax: 6 }, 'test al, 3').flags).to.equal('');
    });
    it('NOT changes no flag', () => {
      expect(run({ rflags: 0x8d7 }, 'not rax')).to.include({ rax: 0xffffffffffffffffn, rflags: 0x8d7 });
    });
    it('sign-extend an 8-bit immediate', () => {
      expect(run({ rax: 0x123456789abcdef0n }, 'and rax, -16').rax).to.equal(0x123456789abcdef0n);
    });
  });

  describe('INC and DEC', () => {
    it('leave CF alone when the result wraps', () => {
      expect(run({ rax: 0xffffffff }, 'clc', 'inc eax').flags).to.equal('PF AF ZF');
      expect(run('stc', 'dec eax').flags).to.equal('CF PF AF SF');
    });
    it('set OF at the signed limits and only there', () => {
      expect(run('mov al, 0x7f', 'stc', 'inc al').flags).to.equal('CF AF SF OF');
      expect(run('mov al, 0x80', 'dec al').flags).to.equal('AF OF');
      expect(run('mov al, 0x80', 'inc al').flags).to.equal('PF SF');
    });
    it('have one-byte forms outside 64-bit mode', () => {
      expect(runBytes([0x40, 0x40, 0x4b], { bits: 32 })).to.include({ rax: 2n, rbx: 0xffffffffn });
    });
  });
});
