// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Flat, run, runBytes } from '../../../support/run.js';

describe('Data transfer instructions', () => {
  describe('MOV', () => {
    it('loads a 64-bit immediate, and sign-extends a 32-bit one', () => {
      expect(run('movabs rax, 0x123456789abcdef0').rax).to.equal(0x123456789abcdef0n);
      expect(run('mov rax, -2').rax).to.equal(0xfffffffffffffffen);
    });
    it('reaches the high byte registers without REX and the low ones with it', () => {
      expect(run('mov ah, 0x12', 'mov dil, 0x34', 'mov bh, ah')).to.include({ rax: 0x1200n, rdi: 0x34n, rbx: 0x1200n });
    });
    it('uses base, index, scale and displacement', () => {
      const options = { rbx: Flat.data, rcx: 3, memory: { [Flat.data + 3 * 8 + 5]: [0x78, 0x56, 0x34, 0x12] } };
      expect(run(options, 'mov eax, [rbx + rcx*8 + 5]').rax).to.equal(0x12345678n);
    });
    it('cuts an address to 32 bits with prefix 67', () => {
      const options = { rbx: 0xffffffff00000000n + BigInt(Flat.data), memory: { [Flat.data]: [0x42] } };
      expect(run(options, 'mov al, [ebx]').rax).to.equal(0x42n);
    });
    it('finds RIP-relative data', () => {
      expect(run('mov eax, [rip]', 'nop').rax & 0xffn).to.equal(0x90n);
    });
    it('has absolute forms for the accumulator', () => {
      const state = runBytes([0xa1, 0, 0, 2, 0, 0, 0, 0, 0, 0xa2, 8, 0, 2, 0, 0, 0, 0, 0], {
        memory: { [Flat.data]: [1, 2, 3, 4] },
      });
      expect(state.rax).to.equal(0x04030201n);
      expect(state.number(Flat.data + 8, 1)).to.equal(1n);
    });
    it('raises #GP for a non-canonical address, #SS when it is the stack’s', () => {
      expect(run({ rbx: 0x800000000000n }, 'mov eax, [rbx]').fault).to.include({ vector: 13, code: 0 });
      expect(run({ rbp: 0x800000000000n }, 'mov eax, [rbp]').fault).to.include({ vector: 12, code: 0 });
    });
  });

  describe('MOVZX, MOVSX, MOVSXD', () => {
    it('extend', () => {
      expect(run({ rbx: 0x80ff }, 'movzx eax, bl', 'movsx rcx, bl', 'movzx edx, bx', 'movsx esi, bx')).to.include({
        rax: 0xffn,
        rcx: 0xffffffffffffffffn,
        rdx: 0x80ffn,
        rsi: 0xffff80ffn,
      });
      expect(run({ rbx: 0x80000000 }, 'movsxd rax, ebx').rax).to.equal(0xffffffff80000000n);
      expect(run({ rbx: 0x8000 }, 'movzx eax, bh').rax).to.equal(0x80n);
    });
  });

  describe('XCHG and XADD', () => {
    it('XCHG swaps register and memory', () => {
      const state = run({ rbx: Flat.data, rax: 0x1111, memory: { [Flat.data]: [0x22, 0x22] } }, 'xchg [rbx], ax');
      expect(state.rax).to.equal(0x2222n);
      expect(state.number(Flat.data, 2)).to.equal(0x1111n);
    });
    it('opcode 90 is NOP and leaves the upper half of RAX, 87 C0 clears it', () => {
      expect(runBytes([0x90], { rax: -1n }).rax).to.equal(0xffffffffffffffffn);
      expect(runBytes([0x87, 0xc0], { rax: -1n }).rax).to.equal(0xffffffffn);
      expect(runBytes([0x41, 0x90], { rax: 1, r8: 2 })).to.include({ rax: 2n, r8: 1n });
    });
    it('XADD keeps the sum when both operands are one register', () => {
      expect(run({ rax: 3 }, 'xadd rax, rax').rax).to.equal(6n);
      expect(run({ rax: 3, rbx: 4 }, 'xadd eax, ebx')).to.include({ rax: 7n, rbx: 3n });
    });
    it('XCHG changes no register when memory is read-only', () => {
      const state = run({ rbx: Flat.readOnly, rax: 5 }, 'xchg [rbx], rax');
      expect(state.fault?.vector).to.equal(14);
      expect(state.rax).to.equal(5n);
    });
  });

  describe('CMPXCHG', () => {
    it('stores when equal and loads the accumulator when not', () => {
      expect(run({ rax: 5, rbx: 5, rcx: 9 }, 'cmpxchg ebx, ecx')).to.include({ rax: 5n, rbx: 9n, flags: 'PF ZF' });
      expect(run({ rax: 5, rbx: 6, rcx: 9 }, 'cmpxchg ebx, ecx')).to.include({ rax: 6n, rbx: 6n });
    });
    it('faults on read-only memory even when it would not store', () => {
      expect(run({ rbx: Flat.readOnly, rax: 1 }, 'cmpxchg [rbx], rcx').fault).to.include({ vector: 14, code: 3 });
    });
    it('CMPXCHG8B changes ZF only', () => {
      const memory = { [Flat.data]: [1, 0, 0, 0, 2, 0, 0, 0] };
      const equal = run({ rax: 1, rdx: 2, rbx: 3, rcx: 4, rdi: Flat.data, memory, rflags: 0x893 }, 'cmpxchg8b [rdi]');
      expect(equal.number(Flat.data, 8)).to.equal(0x400000003n);
      expect(equal.rflags).to.equal(0x8d3);
      const other = run({ rax: 9, rdx: 2, rdi: Flat.data, memory, rflags: 0x8d3 }, 'cmpxchg8b [rdi]');
      expect(other).to.include({ rax: 1n, rdx: 2n, rflags: 0x893 });
    });
    it('CMPXCHG16B raises #GP(0) when the operand is not aligned', () => {
      expect(run({ rdi: Flat.data + 8 }, 'cmpxchg16b [rdi]').fault).to.include({ vector: 13, code: 0 });
    });
  });

  it('BSWAP reverses bytes', () => {
    expect(run({ rax: 0x0102030405060708n, rbx: 0x01020304 }, 'bswap rax', 'bswap ebx')).to.include({
      rax: 0x0807060504030201n,
      rbx: 0x04030201n,
    });
  });
  it('CBW, CWDE, CDQE, CWD, CDQ, CQO extend the sign', () => {
    expect(run({ rax: 0x80 }, 'cbw').rax).to.equal(0xff80n);
    expect(run({ rax: 0x8000 }, 'cwde').rax).to.equal(0xffff8000n);
    expect(run({ rax: 0x80000000 }, 'cdqe').rax).to.equal(0xffffffff80000000n);
    expect(run({ rax: 0x8000, rdx: 1 }, 'cwd').rdx).to.equal(0xffffn);
    expect(run({ rax: 0x7fffffff, rdx: 1 }, 'cdq').rdx).to.equal(0n);
    expect(run({ rax: -1n, rdx: 1 }, 'cqo').rdx).to.equal(0xffffffffffffffffn);
  });
  it('LEA computes without memory, cut to operand and address size', () => {
    expect(run({ rbx: -1n, rcx: 2 }, 'lea rax, [rbx + rcx*4 + 0x10]').rax).to.equal(0x17n);
    expect(run({ rbx: -1n }, 'lea rax, [ebx + 2]').rax).to.equal(1n);
    expect(run({ rax: -1n, rbx: 0x12345678 }, 'lea ax, [rbx]').rax).to.equal(0xffffffffffff5678n);
  });
  it('LAHF and SAHF move SF ZF AF PF CF and leave OF', () => {
    expect(run({ rflags: 0x8d7 }, 'lahf').rax).to.equal(0xd700n);
    expect(run({ rax: 0xffff, rflags: 0x802 }, 'sahf').rflags).to.equal(0x8d7);
    expect(run({ rax: 0, rflags: 0x8d7 }, 'sahf').rflags).to.equal(0x802);
    // ZF and SF together exist only by SAHF, POPF and IRET
    expect(run({ rax: 0xc000 }, 'sahf').flags).to.equal('ZF SF');
  });
  it('CLC, STC and CMC change CF only', () => {
    expect(run({ rflags: 0x8d7 }, 'clc').rflags).to.equal(0x8d6);
    expect(run({ rflags: 0x8d6 }, 'stc').rflags).to.equal(0x8d7);
    expect(run({ rflags: 0x803 }, 'cmc').rflags).to.equal(0x802);
  });
  it('XLAT looks AL up at RBX', () => {
    expect(run({ rax: 0xff02, rbx: Flat.data, memory: { [Flat.data + 2]: [7] } }, 'xlatb').rax).to.equal(0xff07n);
  });
  it('CMOVcc reads memory, and zero-extends, whatever the condition', () => {
    expect(run({ rax: -1n, rbx: 5 }, 'cmp eax, eax', 'cmovne eax, ebx').rax).to.equal(0xffffffffn);
    expect(run({ rbx: Flat.absent }, 'cmp eax, eax', 'cmovne eax, [rbx]').fault?.vector).to.equal(14);
  });
  it('SETcc stores 0 or 1', () => {
    expect(run({ rax: -1n }, 'cmp rax, 0', 'setl al', 'setge ah').rax).to.equal(0xffffffffffff0001n);
  });
  it('CRC32 follows the Castagnoli polynomial', () => {
    // "123456789" has the CRC-32C E3069283H
    const text = [...'123456789'].map((character) => character.charCodeAt(0));
    const state = run(
      { rsi: Flat.data, rax: 0xffffffff, memory: { [Flat.data]: text } },
      'crc32 rax, qword ptr [rsi]',
      'crc32 eax, byte ptr [rsi + 8]',
      'not eax',
    );
    expect(state.rax).to.equal(0xe3069283n);
  });
  it('BOUND raises #BR outside the bounds, 32-bit mode only', () => {
    const memory = { [Flat.data]: [1, 0, 0, 0, 5, 0, 0, 0] };
    expect(run({ bits: 32, rax: 5, memory }, `bound eax, [${Flat.data}]`).fault).to.equal(undefined);
    expect(run({ bits: 32, rax: 6, memory }, `bound eax, [${Flat.data}]`).fault?.vector).to.equal(5);
    expect(run({ bits: 32, rax: -1n, memory }, `bound eax, [${Flat.data}]`).fault?.vector).to.equal(5);
  });
  it('SALC spreads CF over AL, outside 64-bit mode', () => {
    expect(runBytes([0xf9, 0xd6], { bits: 32 }).rax).to.equal(0xffn);
    expect(runBytes([0xf9, 0xd6]).fault?.vector).to.equal(6);
  });
  it('LOCK is refused where nothing is modified in memory', () => {
    expect(runBytes([0xf0, 0x01, 0xc0]).fault?.vector).to.equal(6);
    expect(runBytes([0xf0, 0x8b, 0x03], { rbx: Flat.data }).fault?.vector).to.equal(6);
    expect(runBytes([0xf0, 0x01, 0x03], { rbx: Flat.data }).fault).to.equal(undefined);
  });
});
