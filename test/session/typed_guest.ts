// SPDX-License-Identifier: LGPL-2.1-only
import { FLAT_IMAGE_ADDRESS } from '../../src/machine/boot/flat_image.js';
import { RaceGuest, othersCode, raceCode, startOthers, startPage } from '../machine/race_guest.js';
import { assemble } from '../support/assembler.js';
import { mix, powerOff, typedByte } from './guest_parts.js';

/** Where the guest keeps the gates of its interrupts. */
const Data = { gates: 0x3000 } as const;
const timerVector = 0x20;

const outs = (...writes: readonly (readonly [port: number, value: number])[]): string[] =>
  writes.flatMap(([port, value]) => [`mov al, ${value}`, `out ${port}, al`]);

/** One gate, both interrupt controllers with only the timer open, and channel 0 of the timer at 1 kHz. */
const timer = [
  'lea rax, [rip + tick]',
  `mov edi, ${Data.gates + 16 * timerVector}`,
  'mov [rdi], ax',
  'mov [rdi + 2], cs',
  'mov word ptr [rdi + 4], 0x8e00',
  'shr eax, 16',
  'mov [rdi + 6], ax',
  'lidt [rip + gates]',
  ...outs([0x20, 0x11], [0xa0, 0x11], [0x21, timerVector], [0xa1, timerVector + 8], [0x21, 4], [0xa1, 2]),
  ...outs([0x21, 1], [0xa1, 1], [0x21, 0xfe], [0xa1, 0xff], [0x43, 0x34], [0x40, 0xa9], [0x40, 4]),
];

/**
 * A guest that sees everything that may come in: it mixes typed bytes, the time at which they come and the time of each round into a word, executes CPUID,
 * and sleeps now and then until its timer. Ctrl-D switches the power off. The other processors race on a lock, and then halt.
 */
export function typedGuest(processors: number, rounds: number): Uint8Array {
  const others = assemble([...raceCode(rounds), 'cli', 'hlt'], 16, startPage << 12);
  return assemble(
    [
      ...(processors > 1 ? startOthers(others) : []),
      ...timer,
      'again: mov ecx, 300',
      'long: dec ecx',
      'jnz long',
      'xor eax, eax',
      'cpuid',
      'rdtsc',
      ...mix,
      `mov eax, [${RaceGuest.counter}]`,
      ...mix,
      ...typedByte('nothing'),
      'nothing: inc r15',
      'test r15, 255',
      'jnz again',
      'sti',
      'hlt',
      'cli',
      'jmp again',
      ...powerOff,
      'tick: push rax',
      ...outs([0x20, 0x20]),
      'pop rax',
      'iretq',
      'gates: .word 0xfff',
      `.quad ${Data.gates}`,
      ...othersCode(others),
    ],
    64,
    FLAT_IMAGE_ADDRESS,
  );
}
