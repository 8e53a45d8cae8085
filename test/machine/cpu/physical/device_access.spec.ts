// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { StopReason } from '../../../../src/machine/layout/stop_reason.js';
import { Page } from '../../../support/processor_setup.js';
import { At, SystemMachine } from '../../../support/system_machine.js';

const devicePage = 0xf0000000;
const linear = 0x20000;
const vector = 0x20;
/** A write here makes the device ask for an interrupt. */
const trigger = 0x40;
/** The handler writes RBX here. */
const mailbox = 0x100;

/** A page of registers that keep what is written. It notes each access with the instructions retired before it. */
const registers = new Uint8Array(4096);
const registerWords = new DataView(registers.buffer);
let log: string[] = [];
const machine: SystemMachine = await SystemMachine.make({
  mmioRead(address, size) {
    const at = address - devicePage;
    const value =
      size === 4 ? registerWords.getUint32(at, true) : size === 2 ? registerWords.getUint16(at, true) : registers[at]!;
    log.push(`${machine.cpu.instructionCount} read ${at.toString(16)} ${size}: ${value.toString(16)}`);
    return value;
  },
  mmioWrite(address, size, value) {
    const at = address - devicePage;
    log.push(`${machine.cpu.instructionCount} write ${at.toString(16)} ${size}: ${value.toString(16)}`);
    if (size === 4) registerWords.setUint32(at, value, true);
    else if (size === 2) registerWords.setUint16(at, value, true);
    else registers[at] = value;
    if (at <= trigger && at + size > trigger) machine.cpu.setInterruptPending(true);
  },
  acknowledgeInterrupt() {
    log.push(`${machine.cpu.instructionCount} interrupt before ${machine.get('RIP').toString(16)}`);
    machine.cpu.setInterruptPending(false);
    return vector;
  },
});

/** Runs lines three times over, in pieces of so many instructions. R14 points at the registers. @returns what the device saw, and the end. */
function run(lines: readonly string[], piece: number): string[] {
  machine.start({ rflags: 0x202 });
  machine.map(linear, devicePage, Page.present | Page.writable);
  registers.forEach((_, at) => (registers[at] = at & 0x3f));
  log = [];
  machine.write(At.handlers + vector * 16, [`mov [r14 + ${mailbox}], ebx`, 'iretq']);
  machine.write(At.kernelCode, [
    `mov r14d, ${linear}`,
    'mov r15d, 3',
    'turn:',
    ...lines,
    'inc ebx',
    'dec r15d',
    'jnz turn',
    'cli',
    'hlt',
    'function: inc ebx',
    'ret',
  ]);
  let stop = machine.run(piece);
  for (let runs = 0; stop === StopReason.Quantum && runs < 10_000; runs++) stop = machine.run(piece);
  expect(stop, 'the program’s end').to.equal(StopReason.Idle);
  const general = ['RAX', 'RBX', 'RCX', 'RDX', 'RSI', 'RDI', 'RSP', 'R15', 'RIP'] as const;
  return [...log, `${machine.cpu.instructionCount} end`, ...general.map((name) => `${name} ${machine.get(name)}`)];
}

const instructions: Readonly<Record<string, readonly string[]>> = {
  'a load': ['mov eax, [r14]', 'inc ebx'],
  'a load of 8 bytes': ['mov rcx, [r14 + 4]', 'inc ebx'],
  'a store': [`mov [r14 + ${trigger}], eax`, 'inc ebx', 'inc ebx'],
  'a read and a write': [`add dword ptr [r14 + ${trigger}], 3`, 'inc ebx', `xchg [r14 + ${trigger}], dl`, 'inc ebx'],
  'an operand of SSE and of x87': ['movdqu xmm0, [r14]', 'inc ebx', `fstp qword ptr [r14 + ${trigger}]`, 'inc ebx'],
  'PUSH and POP of it': ['push qword ptr [r14]', 'inc ebx', `pop qword ptr [r14 + ${trigger}]`, 'inc ebx'],
  'a repeated string instruction': [
    'mov ecx, 5',
    'mov rsi, r14',
    `lea rdi, [r14 + ${trigger - 2}]`,
    'cld',
    'rep movsb',
    'inc ebx',
    'mov ecx, 9',
    `lea rdi, [r14 + ${trigger}]`,
    'rep stosb',
    'inc ebx',
  ],
  'two accesses in a row': [`mov [r14 + ${trigger}], eax`, `mov [r14 + ${trigger}], ecx`, 'inc ebx'],
  'a call with its stack there': [
    'mov r13, rsp',
    `lea rsp, [r14 + ${trigger + 8}]`,
    'call function',
    'mov rsp, r13',
    'inc ebx',
  ],
  'an instruction behind a conditional branch': [
    'test ebx, ebx',
    'jz turn2',
    'inc ecx',
    'turn2:',
    `mov [r14 + ${trigger}], eax`,
    'inc ebx',
  ],
};

describe('An access of a device in the middle of a block', () => {
  for (const [name, lines] of Object.entries(instructions))
    it(`has its exact time, and what it asks for comes right behind the instruction: ${name}`, () => {
      const exact = run(lines, 1);
      expect(
        exact.filter((line) => /read|write/.test(line)),
        'accesses',
      ).to.have.length.above(2);
      expect(run(lines, 10_000)).to.deep.equal(exact);
      expect(run(lines, 70), 'with block and steps mixed').to.deep.equal(exact);
    });

  it('interrupts before the next instruction', () => {
    const seen = run([`mov [r14 + ${trigger}], eax`, 'inc ebx', 'inc ebx'], 10_000);
    const next = seen.filter((line) => line.includes(`write ${mailbox.toString(16)}`));
    expect(next.map((line) => line.split(': ')[1])).to.deep.equal(['0', '3', '6']);
  });
});
