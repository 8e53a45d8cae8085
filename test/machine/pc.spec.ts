// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FLAT_IMAGE_ADDRESS } from '../../src/machine/boot/flat_image.js';
import { Layout } from '../../src/machine/layout.js';
import { Pc } from '../../src/machine/pc.js';
import type { PcEnd } from '../../src/machine/pc.js';
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

/** Sleeps to five TSC deadlines, each 20 µs after the one before, and counts the interrupts in RBX; then it halts for ever. */
const deadlineGuest = (handlers: readonly string[]): Uint8Array =>
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
      'sti',
      'hlt',
      'cli',
      'cmp ebx, 5',
      'jb again',
      'rdtsc',
      'hlt',
      'handler: inc ebx',
      'mov dword ptr [rsi + 0xb0], 0',
      'iretq',
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

  it('wakes at TSC deadlines, and no earlier', async () => {
    const { pc, end } = await run(deadlineGuest(setUp), '', 1_000_000);
    expect(end?.detail).to.match(/^halted with interrupts off/);
    expect(Number(pc.core.u64[Layout.RBX >> 3])).to.equal(5);
    expect(pc.virtualTime).to.be.within(100_000, 101_000);
  });

  it('reports a death with the registers and the code at RIP', async () => {
    const { end } = await run(Uint8Array.of(0x0f, 0x01, 0x1c, 0x25, 0x00, 0x70, 0x00, 0x00, 0x0f, 0x0b)); // lidt [0x7000]; ud2
    expect(end?.kind).to.equal('dead');
    expect(end?.detail)
      .to.match(/^triple fault/)
      .and.to.include(`RIP ${(FLAT_IMAGE_ADDRESS + 8).toString(16).padStart(16, '0')}`);
    expect(end?.detail).to.match(/code at RIP: 0f 0b/);
  });
});
