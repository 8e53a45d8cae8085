// SPDX-License-Identifier: LGPL-2.1-only
import { FLAT_IMAGE_ADDRESS } from '../../src/machine/boot/flat_image.js';
import { othersCode, startOthers, startPage } from '../machine/race_guest.js';
import { assemble } from '../support/assembler.js';
import { mix, powerOff, typedByte } from './guest_parts.js';

/** Where the guest keeps a word of each processor, and the gates of its interrupts. */
const Data = { words: 0x720, gates: 0x3000 } as const;
const firstVector = 0x20;
/** The bit of the serial port in the mask of its interrupt controller. */
const serialMask = 0x10;
/** The first processor's own timer has the last gate, and 80 ns a tick. */
const ownTimerVector = firstVector + 15;
const ownTimerCount = 12_500;
/** Of the interrupt by which the first processor wakes the others, and of their own timers. */
const [ipiVector, timerVector] = [0x40, 0x41];
/** Bytes of the other processors' code before their handler of interrupts. */
const handlerAt = 0x100;
/** Model-specific registers of a local APIC in x2APIC mode. */
const X2apic = { base: 0x1b, id: 0x802, eoi: 0x80b, spurious: 0x80f, timer: 0x832, initialCount: 0x838 } as const;

const outs = (...writes: readonly (readonly [port: number, value: number])[]): string[] =>
  writes.flatMap(([port, value]) => [`mov al, ${value}`, `mov dx, ${port}`, 'out dx, al']);
const writeMsr = (register: number, value: string): string[] => [
  `mov ecx, ${register}`,
  `mov eax, ${value}`,
  'xor edx, edx',
  'wrmsr',
];
/** Sixteen gates, both interrupt controllers with only the serial port open, the timer at about 8 kHz, and the serial port's interrupt. */
const setUp = [
  'lea rax, [rip + woken]',
  `mov edi, ${Data.gates + 16 * firstVector}`,
  'mov ecx, 16',
  'mov r8d, eax',
  'shr r8d, 16',
  'gate: mov [rdi], ax',
  'mov [rdi + 2], cs',
  'mov word ptr [rdi + 4], 0x8e00',
  'mov [rdi + 6], r8w',
  'add edi, 16',
  'dec ecx',
  'jnz gate',
  'lidt [rip + gates]',
  // LINT0 of the local APIC brings the interrupts of the controllers.
  'mov esi, 0xfee00000',
  'mov dword ptr [rsi + 0xf0], 0x1ff',
  'mov dword ptr [rsi + 0x350], 0x700',
  `mov dword ptr [rsi + 0x320], ${ownTimerVector}`,
  ...outs([0x20, 0x11], [0xa0, 0x11], [0x21, firstVector], [0xa1, firstVector + 8], [0x21, 4], [0xa1, 2]),
  ...outs([0x21, 1], [0xa1, 1], [0x21, 0xef], [0xa1, 0xff], [0x43, 0x34], [0x40, 0x95], [0x40, 0]),
  ...outs([0x3fc, 8], [0x3f9, 1]),
];

/** The gates of the other processors' interrupts in real mode. */
const realModeGates = [ipiVector, timerVector].map(
  (vector) => `mov dword ptr [${4 * vector}], ${(((startPage << 8) | (handlerAt >> 4)) << 16) >>> 0}`,
);

/** The other processors halt. Each interrupt wakes one, which arms its timer; the timer of those with an odd number interrupts, the others' wakes nobody. */
function others(): Uint8Array {
  const main = assemble(
    [
      ...[`mov ecx, ${X2apic.base}`, 'rdmsr', 'or eax, 0xc00', 'wrmsr'],
      ...writeMsr(X2apic.spurious, '0x1ff'),
      ...[`mov ecx, ${X2apic.id}`, 'rdmsr', 'mov esi, eax'],
      // A word and a stack of its own
      ...['mov bx, si', 'shl bx, 2'],
      ...['shl eax, 8', 'neg eax', 'add eax, 0x7f00', 'mov esp, eax'],
      ...['mov eax, esi', 'not eax', 'and eax, 1', 'shl eax, 16', `or eax, ${timerVector}`],
      ...[`mov ecx, ${X2apic.timer}`, 'xor edx, edx', 'wrmsr'],
      'asleep: sti',
      'hlt',
      'cli',
      'jmp asleep',
    ],
    16,
    startPage << 12,
  );
  const handler = assemble(
    [
      'rdtsc',
      `add [bx + ${Data.words}], eax`,
      ...['and eax, 0x3fff', 'inc eax', `mov ecx, ${X2apic.initialCount}`, 'xor edx, edx', 'wrmsr'],
      ...writeMsr(X2apic.eoi, '0'),
      'iret',
    ],
    16,
    (startPage << 12) + handlerAt,
  );
  const code = new Uint8Array(handlerAt + handler.length);
  code.set(main);
  code.set(handler, handlerAt);
  return code;
}

/**
 * A guest that sleeps nearly all of the time. When the first processor wakes, it mixes the time, the other processors' words and typed bytes, executes CPUID, and
 * sends all others an interrupt. Bits of the last byte say what wakes it. Bit 0: the timer of 8 kHz too, which else wakes nobody. Bit 1: no typed byte, but its
 * own timer after 1 ms. Ctrl-D switches the power off.
 */
export function idleGuest(processors: number): Uint8Array {
  const code = processors > 1 ? others() : new Uint8Array();
  return assemble(
    [
      ...(processors > 1 ? [...realModeGates, ...startOthers(code)] : []),
      ...setUp,
      'again: sti',
      'hlt',
      'cli',
      'xor eax, eax',
      'cpuid',
      'rdtsc',
      ...mix,
      ...Array.from({ length: processors }, (_, id) => [`mov eax, [${Data.words + 4 * id}]`, ...mix]).flat(),
      'mov esi, 0xfee00000',
      ...(processors > 1 ? [`mov dword ptr [rsi + 0x300], ${0xc4000 | ipiVector}`] : []),
      'typed:',
      ...typedByte('again'),
      // Which interrupts wake it until the next byte.
      ...['mov cl, al', 'not al', 'and al, 1', `or al, ${0xff & ~serialMask & ~1}`],
      ...['test cl, 2', 'jz hears', `or al, ${serialMask}`, `mov dword ptr [rsi + 0x380], ${ownTimerCount}`],
      'hears: out 0x21, al',
      'jmp typed',
      ...powerOff,
      'woken: push rax',
      'mov al, 0x20',
      'out 0x20, al',
      'mov eax, 0xfee000b0',
      'mov dword ptr [rax], 0',
      'pop rax',
      'iretq',
      'gates: .word 0xfff',
      `.quad ${Data.gates}`,
      ...othersCode(code),
    ],
    64,
    FLAT_IMAGE_ADDRESS,
  );
}
