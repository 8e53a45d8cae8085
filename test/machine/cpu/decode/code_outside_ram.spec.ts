// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { assemble } from '../../../support/assembler.js';
import { Page } from '../../../support/processor_setup.js';
import { At, SystemMachine } from '../../../support/system_machine.js';

const device = 0xfed00000;
const linear = 0x200000;
/** The device's contents, and the addresses at which it was read. */
let content: Uint8Array = new Uint8Array(0);
let reads: number[] = [];
const machine = await SystemMachine.make({
  mmioRead: (address, size) => {
    reads.push(address);
    let value = 0;
    for (let i = 0; i < size; i++) value += (content[address - device + i] ?? 0xff) * 2 ** (8 * i);
    return value;
  },
});

/** Begins at a page that is mapped to the device; `lines` are in it at `offset`. */
function start(lines: readonly string[], offset = 0): void {
  machine.start();
  machine.map(linear, device, Page.present | Page.writable);
  content = Uint8Array.from([
    ...new Array<number>(offset).fill(0xff),
    ...assemble(lines, 64, linear + offset),
    ...[0xf4],
  ]);
  machine.set('RIP', linear + offset);
  reads = [];
}

describe('Code outside RAM', () => {
  it('where nothing answers is FF FF …: #UD through the IDT', () => {
    start([], 0x100);
    machine.set('RIP', linear + 0x800);
    const { vector, rip } = machine.go();
    expect([vector, rip]).to.deep.equal([6, linear + 0x800]);
  });
  it('in a device is executed as the device answers, aligned pieces of at most 4 bytes', () => {
    start(['mov eax, 5', 'add eax, 6'], 2);
    expect(machine.go().rip).to.equal(linear + 2 + 8);
    expect(machine.get('RAX')).to.equal(11n);
    expect(reads.slice(0, 4)).to.deep.equal([device + 2, device + 4, device + 8, device + 12]);
  });
  it('branches, calls and loops there, and counts exactly', () => {
    start(['mov ecx, 3', 'again: call there', 'dec ecx', 'jnz again', 'hlt', 'there: inc eax', 'ret']);
    const before = machine.cpu.instructionCount;
    machine.go();
    expect(machine.get('RAX')).to.equal(3n);
    expect(machine.cpu.instructionCount - before).to.equal(1 + 3 * 5 + 1);
  });
  it('is read again at each visit', () => {
    start(['inc eax', 'jmp rbx']);
    machine.set('RBX', At.kernelCode);
    machine.write(At.kernelCode, ['mov byte ptr [r8], 0', 'jmp r9']);
    machine.set('R9', linear);
    machine.set('R8', At.pages);
    machine.run(3);
    content[0] = 0xf4;
    expect(machine.go().rip).to.equal(linear);
    expect(machine.get('RAX')).to.equal(1n);
  });
  it('may begin in RAM and go on in a device, and the other way round', () => {
    start(['nop']);
    content = Uint8Array.of(0x12, 0xf4);
    machine.map(linear - 0x1000, At.pages, Page.present);
    machine.poke(At.pages + 0xffc, 0xb8, 0x78, 0x56, 0x34); // mov eax, 12345678h
    machine.codeChanged(At.pages + 0xffc, 4);
    machine.set('RIP', linear - 4);
    expect(machine.go().rip).to.equal(linear + 1);
    expect(machine.get('RAX')).to.equal(0x12345678n);

    start([]);
    content = new Uint8Array(0x1000).fill(0x90);
    content.set([0xb8, 0x78], 0xffe);
    machine.map(linear + 0x1000, At.pages, Page.present);
    machine.poke(At.pages, 0x56, 0x34, 0x12, 0xf4);
    machine.codeChanged(At.pages, 4);
    machine.set('RIP', linear + 0xffe);
    expect(machine.go().rip).to.equal(linear + 0x1003);
    expect(machine.get('RAX')).to.equal(0x12345678n);
  });
  it('that crosses into a page that is not mapped faults there', () => {
    start([]);
    content = new Uint8Array(0x1000).fill(0xb8);
    machine.set('RIP', linear + 0xffe);
    const { vector, cr2, rip } = machine.go();
    expect([vector, cr2, rip]).to.deep.equal([14, linear + 0x1000, linear + 0xffe]);
  });
  it('is executed in single steps as well', () => {
    start(['mov eax, 5', 'nop']);
    machine.setRflags(0x102);
    machine.stateChanged();
    const { vector, rip } = machine.go();
    expect([vector, rip, machine.get('RAX')]).to.deep.equal([1, linear + 5, 5n]);
  });
  it('after power-on, with no firmware at the reset vector, ends in the handler of #UD', () => {
    machine.reset();
    machine.poke(6 * 4, 0x00, 0x00, 0x00, 0x10); // 1000:0000
    machine.poke(0x10000, 0xf4);
    machine.codeChanged(0, 0x11000);
    machine.go();
    expect([machine.word('CS_SELECTOR'), machine.get('RIP')]).to.deep.equal([0x1000, 1n]);
  });
});

describe('A repeated string instruction', () => {
  it('on a device executes one element an instruction, so that interrupts and the count do not wait for a page of them', () => {
    for (const line of ['rep movsb', 'rep stosb', 'rep lodsb', 'repne scasb', 'repe cmpsb']) {
      machine.start();
      machine.map(linear, device, Page.present | Page.writable);
      content = new Uint8Array(0);
      machine.set('RDI', line === 'rep lodsb' ? At.pages : linear);
      machine.set('RSI', line === 'rep lodsb' ? linear : At.pages);
      machine.set('RCX', 5);
      machine.poke(At.pages, 0xff, 0xff, 0xff, 0xff, 0xff);
      const before = machine.cpu.instructionCount;
      machine.run64(line);
      expect([line, machine.cpu.instructionCount - before, machine.get('RCX')]).to.deep.equal([line, 6, 0n]);
    }
  });
});

describe('Paging structures outside RAM', () => {
  it('read as all ones: reserved bits are set', () => {
    machine.start();
    machine.poke64(machine.entryAddress(0x400000, 1), BigInt(device) | 7n);
    const { vector, code, cr2 } = machine.run64('mov al, [0x400000]');
    expect([vector, code, cr2]).to.deep.equal([14, 9, 0x400000]);
  });
});
