// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { At, SystemMachine } from '../../../support/system_machine.js';

const machine = await SystemMachine.make();

describe('IRETD to virtual-8086 mode', () => {
  const frame = (eip: number): string[] =>
    [0, 0, 0, 0, 0x2000, 0x8000, 0x20002, 0x1000, eip].flatMap((value) => [`mov eax, ${value}`, 'push eax']);

  it('is #GP(0) for an EIP beyond the 64 KiB of its code segment', () => {
    machine.start({ bits: 32, paging: 'none' });
    const end = machine.run64(...frame(0x12345), 'iretd');
    expect(end).to.include({ vector: 13, code: 0 });
    expect(machine.rflags() & 0x20000).to.equal(0);
  });

  it('enters at an EIP within it', () => {
    machine.start({ bits: 32, paging: 'none' });
    machine.write(At.kernelCode, [...frame(0xffff), 'iretd'], 32);
    machine.run(19);
    expect(machine.rflags() & 0x20000).to.equal(0x20000);
    expect(Number(machine.get('RIP'))).to.equal(0xffff);
  });
});
