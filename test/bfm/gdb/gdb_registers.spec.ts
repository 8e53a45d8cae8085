// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { gdbRegisters, registerBytes, registerValue } from '../../../src/bfm/gdb/gdb_registers.js';
import { raceGuest } from '../../machine/race_guest.js';
import { sessionOf } from './gdb_client.js';

describe('gdbRegisters', () => {
  it('have the names and the order that GDB wants of an x86-64 processor', () => {
    const names = gdbRegisters.map(({ name }) => name);
    expect(names.slice(0, 18)).to.deep.equal(
      'rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip eflags'.split(' '),
    );
    expect(names.slice(18, 24)).to.deep.equal('cs ss ds es fs gs'.split(' '));
    expect(new Set(names).size).to.equal(names.length);
  });

  it('are read, each in its width', async () => {
    const { pc } = await sessionOf(raceGuest(1, 1));
    const [processor] = pc.processors;
    const { block } = pc.core;
    block.load({ RAX: 0x1122_3344_5566_7788n, X87_TAGS: 0b0001_0111, X87_STATUS: 2 << 11 });
    const x87 = block.row('X87_REGISTERS');
    // R0 is 1.0, R1 is +0, R2 is infinity, R4 is a pseudo-denormal.
    x87.set([1n << 63n, 0x3fffn, 0n, 0n, 1n << 63n, 0x7fffn, 0n, 0n, 1n << 63n, 0n]);
    block.row('XMM').set([1n, 2n], 4);
    const values = Object.fromEntries(gdbRegisters.map((register) => [register.name, register.read(processor!)]));
    for (const register of gdbRegisters) {
      const value = values[register.name]!;
      expect(registerValue(registerBytes(register, value)), register.name).to.equal(value);
    }
    expect(values).to.include({ rax: 0x1122_3344_5566_7788n, xmm2: (2n << 64n) | 1n });
    expect(values.st0).to.equal((0x7fffn << 64n) | (1n << 63n));
    expect(values.st6, 'ST(6) is R0 when TOP is 2').to.equal((0x3fffn << 64n) | (1n << 63n));
    expect(values.ftag).to.equal(BigInt(0b11_11_11_10_11_10_01_00));
  });
});
