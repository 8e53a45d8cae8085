// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FLAT_IMAGE_ADDRESS } from '../../src/machine/boot/flat_image.js';
import { Layout } from '../../src/machine/layout/layout.js';
import { Pc } from '../../src/machine/pc.js';
import type { PcEnd } from '../../src/machine/pc.js';
import { UnimplementedReason } from '../../src/machine/report/unimplemented.js';
import { assemble } from '../support/assembler.js';

const buildFolder = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');
const coreModule = new WebAssembly.Module(readFileSync(resolve(buildFolder, 'cpu/cpu.wasm')));
const guest = readFileSync(resolve(buildFolder, 'guests/cpuid.bin'));

interface Run {
  readonly pc: Pc;
  readonly end: PcEnd | undefined;
  readonly console: string;
}

/** Runs an image to its end, or for so many nanoseconds of virtual time. @param each called after each quantum. */
async function run(bytes: Uint8Array, append = '', limit = 10_000_000, each = (_: Pc): void => {}): Promise<Run> {
  let console = '';
  const pc = await Pc.create({
    coreModule,
    memoryBytes: 16 << 20,
    com1: (byte) => (console += String.fromCharCode(byte)),
    com2: () => {},
  });
  pc.boot({ kernel: { name: 'guest', bytes }, modules: [], append });
  let end: PcEnd | undefined;
  while (end === undefined && pc.virtualTime < limit) {
    end = pc.runQuantum(() => true);
    each(pc);
  }
  return { pc, end, console };
}

/** Waits in HLT, or with `waitInMwait` in MWAIT, for an interrupt; interrupts are off before and after. */
const waitInHlt = ['sti', 'hlt', 'cli'];
const waitInMwait = ['lea rax, [rip + line]', 'xor ecx, ecx', 'xor edx, edx', 'monitor', 'sti', 'mwait', 'cli'];

/** Sleeps to five TSC deadlines, each 20 µs after the one before, and counts the interrupts in RBX; then it halts for ever. */
const deadlineGuest = (handlers: readonly string[], wait: readonly string[] = waitInHlt): Uint8Array =>
  assemble(
    [
      ...handlers,
      'mov dword ptr [rsi + 0x320], 0x40030',
      'rdtsc',
      'mov edi, eax',
      'again: add edi, 20000',
      'mov ecx, 0x6e0',
      'mov eax, edi',
      'xor edx, edx',
      'wrmsr',
      ...wait,
      'cmp ebx, 5',
      'jb again',
      'rdtsc',
      'hlt',
      'handler: inc ebx',
      'mov dword ptr [rsi + 0xb0], 0',
      'iretq',
      'line: .quad 0',
    ],
    64,
    FLAT_IMAGE_ADDRESS,
  );

/** An IDT with a gate for vector 30h at `handler`, and the local APIC enabled; RSI is its base. */
const setUp = [
  'xor ebx, ebx',
  'lea rax, [rip + handler]',
  'mov edi, 0x100000',
  'mov word ptr [rdi + 0x300], ax',
  'mov dword ptr [rdi + 0x302], 0x8e000010',
  'shr eax, 16',
  'mov word ptr [rdi + 0x306], ax',
  'mov word ptr [rdi + 0x1000], 0xfff',
  'mov qword ptr [rdi + 0x1002], rdi',
  'lidt [rdi + 0x1000]',
  'mov esi, 0xfee00000',
  'mov dword ptr [rsi + 0xf0], 0x1ff',
];

/**
 * CR0.NE = 0 and IRQ 13 at vector 2DH through the PIC; divides 1 by 0, then does `wait`; RDX is 7 when that is over. The handler counts in RBX.
 */
const numericErrorGuest = (wait: readonly string[]): Uint8Array =>
  assemble(
    [
      ...setUp.map((line) => line.replace('+ 0x30', '+ 0x2d')),
      'mov dword ptr [rsi + 0x350], 0x700',
      ...[0x2011, 0xa011, 0x2120, 0xa128, 0x2104, 0xa102, 0x2101, 0xa101, 0x21fb, 0xa1df].flatMap((pair) => [
        `mov al, ${pair & 255}`,
        `out ${pair >> 8}, al`,
      ]),
      'mov rax, cr0',
      'and eax, 0xffffffd1',
      'mov cr0, rax',
      'xor edx, edx',
      'fninit',
      'mov dword ptr [rsp - 8], 0x37b',
      'fldcw [rsp - 8]',
      'sti',
      'fld1',
      'fldz',
      'fdivp',
      'nop',
      ...wait,
      'mov edx, 7',
      'cli',
      'hlt',
      'handler: inc ebx',
      'out 0xf0, al',
      'fld1',
      'fnclex',
      'mov al, 0x20',
      'out 0xa0, al',
      'out 0x20, al',
      'iretq',
    ],
    64,
    FLAT_IMAGE_ADDRESS,
  );

/** Halts again and again; a local APIC timer interrupts each 10 µs, and the handler counts in RBX. */
const timerGuest = assemble(
  [
    ...setUp,
    'mov dword ptr [rsi + 0x320], 0x20030',
    'mov dword ptr [rsi + 0x380], 125', // at 25 MHz / 2
    'sti',
    'again: hlt',
    'jmp again',
    'handler: inc ebx',
    'mov dword ptr [rsi + 0xb0], 0',
    'iretq',
  ],
  64,
  FLAT_IMAGE_ADDRESS,
);

describe('Pc', () => {
  it('runs a guest to its power-off', async () => {
    const { end, console } = await run(guest, '12');
    expect(end?.kind).to.equal('powered-off');
    expect(console).to.match(/guest executed 12 cpuids\n$/);
  });

  it('gives a guest that polls its console all that was typed at its own speed: each byte took 16 polls', async () => {
    const echo = readFileSync(resolve(buildFolder, 'guests/echo.bin'));
    const typed = 'x'.repeat(4000);
    let isTyped = false;
    const { pc, end, console } = await run(echo, '', 1e9, (machine) => {
      if (!isTyped) machine.chipset.com1.receive(Buffer.from(`${typed}\u0004`));
      isTyped = true;
    });
    expect(end!.kind).to.equal('powered-off');
    expect(console.endsWith(typed), 'all of it').to.equal(true);
    // Sixteen polls, one in each tick of 10 ms, tell that it listens.
    expect(pc.virtualTime).to.be.below(200e6);
  });

  it('does the same each time: instructions, time, console and state', async () => {
    const [first, second] = [await run(guest, '500'), await run(guest, '500')];
    expect(second.console).to.equal(first.console);
    expect([second.pc.instructions, second.pc.virtualTime]).to.deep.equal([
      first.pc.instructions,
      first.pc.virtualTime,
    ]);
    expect(second.pc.stateHash()).to.equal(first.pc.stateHash());
  });

  it('hashes what is different differently', async () => {
    const [first, second] = [await run(guest, '500'), await run(guest, '501')];
    expect(second.pc.stateHash()).to.not.equal(first.pc.stateHash());
  });

  it('has the same hash whether it was asked on the way or not', async () => {
    const hashes = new Set<string>();
    const asked = await run(timerGuest, '', 1_000_000, (pc) => hashes.add(pc.stateHash()));
    const other = await run(timerGuest, '', 1_000_000);
    expect(hashes.size).to.be.greaterThan(50);
    expect(asked.pc.stateHash()).to.equal(other.pc.stateHash());
  });

  it('sleeps in HLT until each timer interrupt, in virtual time', async () => {
    const { pc } = await run(timerGuest, '', 1_000_000);
    const interrupts = Number(pc.core.u64[Layout.RBX >> 3]);
    expect(interrupts).to.be.within(98, 100);
    expect(pc.instructions).to.be.lessThan(pc.virtualTime / 100);
  });

  for (const [name, wait] of [
    ['HLT', waitInHlt],
    ['MWAIT', waitInMwait],
  ] as const) {
    it(`wakes in ${name} at TSC deadlines, and no earlier`, async () => {
      const { pc, end } = await run(deadlineGuest(setUp, wait), '', 1_000_000);
      expect(end?.detail).to.match(/^halted with interrupts off/);
      expect(Number(pc.core.u64[Layout.RBX >> 3])).to.equal(5);
      expect(pc.virtualTime).to.be.within(100_000, 101_000);
    });
  }

  it('has the same hash whether it was asked while a line was monitored or not', async () => {
    const guestInMwait = deadlineGuest(setUp, waitInMwait);
    const asked = await run(guestInMwait, '', 1_000_000, (pc) => void pc.stateHash());
    const other = await run(guestInMwait, '', 1_000_000);
    expect(asked.pc.stateHash()).to.equal(other.pc.stateHash());
  });

  describe('a wait in MWAIT ends without an interrupt', () => {
    const line = 0x200000;
    const set = ['xor ecx, ecx', 'xor edx, edx', `mov eax, ${line}`, 'monitor', 'mwait', 'mov ebx, 7', 'hlt'];
    const guestInMwait = assemble(set, 64, FLAT_IMAGE_ADDRESS);
    const write = ({ core }: Pc): void => core.writer.write(Layout.RAM + line, Uint8Array.of(1));

    it('when a device writes to the line, at that time', async () => {
      const at = 50_000;
      const { pc, end } = await run(guestInMwait, '', 1_000_000, (running) => {
        if (running.virtualTime < 1000) running.chipset.events.timer('dma', () => write(running)).arm(at);
      });
      expect(end?.detail).to.match(/^halted with interrupts off/);
      expect(pc.core.u64[Layout.RBX >> 3]).to.equal(7n);
      expect(pc.virtualTime).to.be.within(at, at + 100);
    });

    it('when the host writes to the line, before anything else happens', async () => {
      const { pc, end } = await run(guestInMwait, '', 1_000_000, write);
      expect(end?.detail).to.match(/^halted with interrupts off/);
      expect(pc.core.u64[Layout.RBX >> 3]).to.equal(7n);
    });

    it('and never when nobody writes', async () => {
      expect((await run(guestInMwait)).end?.detail).to.match(/no device will ever interrupt it/);
    });
  });

  it('gives x87 errors to IRQ 13 when CR0.NE is 0, and waits for its handler', async () => {
    const { pc, end } = await run(numericErrorGuest(['fwait']), '', 1_000_000);
    expect(end?.detail).to.match(/^halted with interrupts off/);
    expect(pc.core.u64[Layout.RBX >> 3]).to.equal(1n);
    expect(pc.core.u64[Layout.RDX >> 3]).to.equal(7n);
  });

  it('freezes at the next x87 instruction when that interrupt cannot come', async () => {
    const { pc, end } = await run(numericErrorGuest(['cli', 'fwait']), '', 1_000_000);
    expect(end?.detail).to.match(/^halted with interrupts off/);
    expect(pc.core.u64[Layout.RDX >> 3]).to.equal(0n);
    expect(pc.processorReports()[0]!.instruction.bytes).to.match(/^9b /);
  });

  it('says what software asked for that is not implemented, and where', async () => {
    const rdmsr = assemble(
      ['mov ecx, 0x1d9', 'mov eax, 1', 'xor edx, edx', 'wrmsr', 'mov cx, 0x680', 'rdmsr', 'inc ebx'],
      64,
      FLAT_IMAGE_ADDRESS,
    );
    const { end } = await run(rdmsr);
    expect(end?.kind).to.equal('dead');
    expect(end?.detail).to.match(/^unimplemented: RDMSR of a last-branch record/);
    const { registers, ...unimplemented } = end!.unimplemented!;
    expect(unimplemented).to.deep.equal({
      reason: UnimplementedReason.LastBranchRecords,
      what: 'RDMSR of a last-branch record with IA32_DEBUGCTL.LBR on: this processor keeps none',
      processor: 0,
      cs: '0x10',
      rip: `0x${(FLAT_IMAGE_ADDRESS + 18).toString(16)}`,
      linear: `0x${(FLAT_IMAGE_ADDRESS + 18).toString(16)}`,
      physical: `0x${(FLAT_IMAGE_ADDRESS + 18).toString(16)}`,
      bits: 64,
      bytes: '0f 32 ff c3 00 00 00 00 00 00 00 00 00 00 00',
      mode: '64-bit',
      cpl: 0,
      vmx: 'outside VMX operation',
      instructions: 6,
    });
    expect(Object.keys(registers)).to.have.length(17);
    expect(registers).to.include({ RCX: '0x680', RAX: '0x1', RDX: '0x0' });
  });

  it('says which opcode it did not know before a death', async () => {
    const { end } = await run(Uint8Array.of(0x0f, 0x01, 0x1c, 0x25, 0, 0x70, 0, 0, 0xc5, 0xfc, 0x58, 0xc1)); // lidt [0x7000]; vaddps ymm0, ymm0, ymm1
    expect(end?.undefinedOpcode).to.deep.include({ count: 1, bits: 64 });
    expect(end?.undefinedOpcode?.bytes).to.match(/^c5 fc 58 c1/);
    expect(end?.detail).to.equal('triple fault: the processor shut down');
    expect(end?.unimplemented).to.equal(undefined);
  });

  it('lets a guest that jumps to an address without memory take #UD by its own IDT', async () => {
    const code = [...setUp.map((line) => line.replace('+ 0x30', '+ 0x06')), 'mov eax, 0xd0000000', 'jmp rax'];
    const { pc, end } = await run(
      assemble([...code, 'handler: inc ebx', 'hlt'], 64, FLAT_IMAGE_ADDRESS),
      '',
      1_000_000,
    );
    expect(end?.detail).to.match(/^halted with interrupts off/);
    expect(pc.core.u64[Layout.RBX >> 3]).to.equal(1n);
  });

  it('reports a death with the registers and the code at RIP', async () => {
    const { pc, end } = await run(Uint8Array.of(0x0f, 0x01, 0x1c, 0x25, 0x00, 0x70, 0x00, 0x00, 0x0f, 0x0b)); // lidt [0x7000]; ud2
    expect(end).to.include({ kind: 'dead', processor: 0 });
    expect(end?.undefinedOpcode).to.equal(undefined);
    expect(end?.detail).to.equal('triple fault: the processor shut down');
    const [report] = pc.processorReports();
    expect(report!.registers.RIP).to.equal(`0x${(FLAT_IMAGE_ADDRESS + 8).toString(16)}`);
    expect(report!.instruction.bytes).to.match(/^0f 0b /);
    expect(end?.tripleFault?.events.map(({ name }) => name)).to.deep.equal(['#UD', '#GP', '#GP', '#GP']);
    expect(end?.tripleFault?.rip).to.equal('0x200008');
  });
});
