// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Flat, run, runBytes } from '../../../support/run.js';

const top = Flat.stackTop;

describe('Stack instructions', () => {
  describe('PUSH', () => {
    it('pushes 64 bits, or 16 with prefix 66', () => {
      expect(run({ rax: 0x1122334455667788n }, 'push rax', 'push ax').rsp).to.equal(BigInt(top - 10));
      expect(run({ rax: 0x1122334455667788n }, 'push rax').number(top - 8, 8)).to.equal(0x1122334455667788n);
    });
    it('PUSH RSP stores the value before the push', () => {
      expect(run('push rsp').number(top - 8, 8)).to.equal(BigInt(top));
    });
    it('sign-extends immediates', () => {
      expect(run('push -2').number(top - 8, 8)).to.equal(0xfffffffffffffffen);
    });
    it('leaves RSP when the write faults', () => {
      const state = run({ rsp: Flat.readOnly + 0x100 }, 'push rax');
      expect(state.fault).to.include({ vector: 14, code: 3 });
      expect(state.rsp).to.equal(BigInt(Flat.readOnly + 0x100));
    });
    it('raises #SS for a non-canonical stack pointer', () => {
      expect(run({ rsp: 0x800000000004n }, 'push rax').fault).to.include({ vector: 12, code: 0 });
    });
    it('raises #GP for a non-canonical operand, wherever RSP and RBP point', () => {
      const far = 0x8000000000000000n;
      expect(run({ rdi: far, rbp: far }, 'push qword ptr [rdi]').fault).to.include({ vector: 13, code: 0 });
      expect(run({ rdi: far, rbp: far }, 'call qword ptr [rdi]').fault).to.include({ vector: 13, code: 0 });
      expect(run({ rdi: far, rbp: far }, 'pop qword ptr [rdi]').fault).to.include({ vector: 13, code: 0 });
      expect(run({ rsp: far, rdi: Flat.data }, 'push qword ptr [rdi]').fault).to.include({ vector: 12, code: 0 });
    });
    it('wraps a 16-bit stack pointer inside its segment', () => {
      const state = run({ bits: 16, rsp: 0, rax: 0x1234 }, 'push ax');
      expect(state.rsp).to.equal(0xfffen);
      expect(state.number(Flat.data + 0xfffe, 2)).to.equal(0x1234n);
    });
  });

  describe('POP', () => {
    const memory = { [top - 16]: [1, 2, 3, 4, 5, 6, 7, 8] };
    it('POP RSP keeps the popped value', () => {
      expect(run({ rsp: top - 16, memory }, 'pop rsp').rsp).to.equal(0x0807060504030201n);
    });
    it('counts a destination based on RSP from the incremented RSP', () => {
      const state = run({ rsp: top - 16, memory }, 'pop qword ptr [rsp]');
      expect(state.number(top - 8, 8)).to.equal(0x0807060504030201n);
      expect(state.rsp).to.equal(BigInt(top - 8));
    });
    it('leaves RSP when the destination faults', () => {
      const state = run({ rsp: top - 16, rbx: Flat.absent, memory }, 'pop qword ptr [rbx]');
      expect(state.fault?.address).to.equal(BigInt(Flat.absent));
      expect(state.rsp).to.equal(BigInt(top - 16));
    });
    it('pops 16 bits and leaves the rest of the register', () => {
      expect(run({ rsp: top - 16, rax: -1n, memory }, 'pop ax')).to.include({
        rax: 0xffffffffffff0201n,
        rsp: BigInt(top - 14),
      });
    });
  });

  describe('PUSHA and POPA', () => {
    it('store and load all registers but the stack pointer', () => {
      const state = run(
        { bits: 32, rax: 1, rcx: 2, rdx: 3, rbx: 4, rbp: 6, rsi: 7, rdi: 8 },
        'pushal',
        'xor eax, eax',
        'xor edi, edi',
        'popal',
      );
      expect(state).to.include({ rax: 1n, rcx: 2n, rdx: 3n, rbx: 4n, rbp: 6n, rsi: 7n, rdi: 8n, rsp: BigInt(top) });
      expect(state.number(top - 20, 4)).to.equal(BigInt(top));
    });
    it('PUSHA writes nothing when its last word faults', () => {
      const page = Flat.readOnly + 0x1000;
      const state = run({ bits: 32, rsp: page + 0x14 }, 'pushal');
      expect(state.fault).to.include({ vector: 14, code: 3 });
      expect(state.rsp).to.equal(BigInt(page + 0x14));
      // the exception's frame takes four of the five words that PUSHA could have written
      expect(state.number(page, 4)).to.equal(0n);
    });
    it('do not exist in 64-bit mode', () => {
      expect(runBytes([0x60]).fault?.vector).to.equal(6);
      expect(runBytes([0x61]).fault?.vector).to.equal(6);
    });
  });

  describe('ENTER and LEAVE', () => {
    it('make and drop a frame', () => {
      const made = run({ rbp: 0x1234 }, 'enter 0x20, 0');
      expect(made).to.include({ rbp: BigInt(top - 8), rsp: BigInt(top - 0x28) });
      expect(made.number(top - 8, 8)).to.equal(0x1234n);
      expect(run({ rbp: 0x1234 }, 'enter 0x20, 0', 'leave')).to.include({ rbp: 0x1234n, rsp: BigInt(top) });
    });
    it('ENTER copies outer frame pointers', () => {
      const outer = Flat.data + 0x100;
      const memory = { [outer - 8]: [0xaa], [outer - 16]: [0xbb] };
      const state = run({ rbp: outer, memory }, 'enter 8, 3');
      expect(state.number(top - 8, 8)).to.equal(BigInt(outer));
      expect(state.number(top - 16, 8)).to.equal(0xaan);
      expect(state.number(top - 24, 8)).to.equal(0xbbn);
      expect(state.number(top - 32, 8)).to.equal(BigInt(top - 8));
      expect(state).to.include({ rbp: BigInt(top - 8), rsp: BigInt(top - 40) });
    });
    it('LEAVE changes nothing when the stack faults', () => {
      const state = run({ rbp: Flat.absent }, 'leave');
      expect(state.fault?.vector).to.equal(14);
      expect(state).to.include({ rbp: BigInt(Flat.absent), rsp: BigInt(top) });
    });
  });
});
