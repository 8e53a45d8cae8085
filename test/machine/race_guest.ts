// SPDX-License-Identifier: LGPL-2.1-only
import { FLAT_IMAGE_ADDRESS } from '../../src/machine/boot/flat_image.js';
import { assemble } from '../support/assembler.js';

/** Where a guest of several processors keeps a lock, the counter that it guards, and how many processors are done. */
export const RaceGuest = { lock: 0x600, counter: 0x640, done: 0x680 } as const;
/** The page where the other processors start. */
export const startPage = 8;

/** Takes the lock with PAUSE, adds 1 to the counter in two steps, gives the lock back; `rounds` times. */
export const raceCode = (rounds: number): string[] => [
  `mov ebx, ${rounds}`,
  'again: mov al, 1',
  `take: xchg byte ptr [${RaceGuest.lock}], al`,
  'test al, al',
  'jz taken',
  'pause',
  'jmp take',
  `taken: mov edx, [${RaceGuest.counter}]`,
  'inc edx',
  'nop',
  `mov [${RaceGuest.counter}], edx`,
  `mov byte ptr [${RaceGuest.lock}], 0`,
  'dec ebx',
  'jnz again',
  `lock inc word ptr [${RaceGuest.done}]`,
];

/** Copies the code of the other processors and starts them by INIT and one start-up IPI. */
export const startOthers = (code: Uint8Array): string[] => [
  'lea rsi, [rip + others]',
  `mov edi, ${startPage << 12}`,
  `mov ecx, ${code.length}`,
  'rep movsb',
  'mov esi, 0xfee00000',
  'mov dword ptr [rsi + 0xf0], 0x1ff',
  'mov dword ptr [rsi + 0x300], 0xc4500',
  `mov dword ptr [rsi + 0x300], ${0xc4600 + startPage}`,
];
/** Their code, at the end of the first processor's. */
export const othersCode = (code: Uint8Array): string[] => [`others: .byte ${[...code].join()}`];

/**
 * A flat image of so many processors, which race on the lock. The first one waits for the others, prints `!` and halts.
 *
 * @param end an instruction before it halts
 */
export function raceGuest(processors: number, rounds: number, end = 'nop'): Uint8Array {
  const others = assemble([...raceCode(rounds), 'cli', 'hlt'], 16, startPage << 12);
  return assemble(
    [
      ...startOthers(others),
      ...raceCode(rounds),
      `wait: cmp word ptr [${RaceGuest.done}], ${processors}`,
      'pause',
      'jne wait',
      'mov al, 0x21',
      'mov dx, 0x3f8',
      'out dx, al',
      end,
      'cli',
      'hlt',
      ...othersCode(others),
    ],
    64,
    FLAT_IMAGE_ADDRESS,
  );
}
