// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { MemoryWriter } from '../../../src/machine/memory/memory_writer.js';
import { Layout } from '../../../src/machine/layout/layout.js';
import { At, SystemMachine } from '../../support/system_machine.js';

describe('MemoryWriter', () => {
  const make = (): { u8: Uint8Array; writer: MemoryWriter; told: number[][] } => {
    const u8 = new Uint8Array(64);
    const told: number[][] = [];
    const writer = new MemoryWriter({ u8, u32: new Uint32Array(u8.buffer) }, (...range) => told.push(range));
    return { u8, writer, told };
  };
  it('writes bytes, or a part of them, and reports which', () => {
    const { u8, writer, told } = make();
    writer.write(5, Uint8Array.of(1, 2, 3));
    writer.write(9, [0x104, 5, 6, 7], 1, 2);
    writer.write(20, Uint8Array.of(8, 9, 10), 2);
    expect([...u8.subarray(5, 12)]).to.deep.equal([1, 2, 3, 0, 5, 6, 0]);
    expect(u8[20]).to.equal(10);
    expect(told).to.deep.equal([
      [5, 3],
      [9, 2],
      [20, 1],
    ]);
  });
  it('takes numbers modulo 256, as memory does', () => {
    const { u8, writer } = make();
    writer.write(0, [0x1ff, -1]);
    expect([u8[0], u8[1]]).to.deep.equal([255, 255]);
  });
  it('writes words and runs of one byte', () => {
    const { u8, writer, told } = make();
    writer.write32(4, 0x04030201);
    writer.write64(12, 0x04030201, 0x08070605);
    writer.fill(30, 7, 3);
    expect([...u8.subarray(4, 8), ...u8.subarray(12, 20), ...u8.subarray(30, 33)]).to.deep.equal([
      1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 7, 7, 7,
    ]);
    expect(told).to.deep.equal([
      [4, 4],
      [12, 8],
      [30, 3],
    ]);
  });
  it('does nothing for no bytes', () => {
    const { writer, told } = make();
    writer.write(3, new Uint8Array(0));
    writer.fill(3, 1, 0);
    expect(told).to.deep.equal([]);
  });

  describe('of a machine', () => {
    const code = At.kernelCode;
    const offset = Layout.RAM + code;
    /** MOV EAX, imm32; HLT. */
    const program = (value: number): number[] => [0xb8, value, 0, 0, 0, 0xf4];
    for (const [how, change] of [
      ['write', (machine: SystemMachine) => machine.cpu.writer.write(offset, program(2))],
      ['write of a part', (machine: SystemMachine) => machine.cpu.writer.write(offset + 1, [0, 2, 3], 1, 1)],
      ['write32', (machine: SystemMachine) => machine.cpu.writer.write32(offset, 0x000002b8)],
      ['write64', (machine: SystemMachine) => machine.cpu.writer.write64(offset, 0x000002b8, 0xf400)],
      ['fill', (machine: SystemMachine) => machine.cpu.writer.fill(offset + 1, 2, 1)],
      ['GuestRam.set', (machine: SystemMachine) => machine.cpu.guestRam.set([2], code + 1)],
      ['GuestRam.fill', (machine: SystemMachine) => machine.cpu.guestRam.fill(2, code + 1, code + 2)],
    ] as const) {
      it(`has code that was decoded already executed as changed, and its page dirty: ${how}`, async () => {
        const machine = await SystemMachine.make();
        machine.start();
        machine.poke(code, ...program(1));
        machine.codeChanged(code, 16);
        machine.go();
        expect(machine.get('RAX')).to.equal(1n);
        machine.cpu.dirtyPages.fill(0);
        machine.cpu.dirtyCleared();
        change(machine);
        expect(machine.cpu.dirtyPages[code >> 12]).to.equal(1);
        machine.cpu.block.set('ACTIVITY', 0);
        machine.set('RIP', code);
        machine.go();
        expect(machine.get('RAX')).to.equal(2n);
      });
    }
    it('reaches all pages of a range', async () => {
      const { cpu } = await SystemMachine.make();
      cpu.dirtyPages.fill(0);
      cpu.writer.write(Layout.RAM + 0x1ffe, [1, 2, 3, 4]);
      cpu.writer.fill(Layout.RAM + 0x5fff, 9, 0x1002);
      expect([...cpu.dirtyPages.subarray(0, 9)]).to.deep.equal([0, 1, 1, 0, 0, 1, 1, 1, 0]);
    });
  });
});
