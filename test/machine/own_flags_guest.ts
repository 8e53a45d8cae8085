// SPDX-License-Identifier: LGPL-2.1-only
import { BootSelector } from '../../src/machine/boot/boot_area.js';
import { FLAT_IMAGE_ADDRESS } from '../../src/machine/boot/flat_image.js';
import { assemble } from '../support/assembler.js';
import { othersCode, startOthers, startPage } from './race_guest.js';

/** Where the guest keeps what the processors add up, 8 bytes each, and how many of them are done. */
export const OwnFlags = { sums: 0x300000, done: 0x300800 } as const;
/** What the first processor leaves for the others: its CR3, its GDTR, and the number of the next one. */
const [cr3, gdtr, number] = [0x700, 0x710, 0x720];
const tables = { pointers: 0x310000, directory: 0x311000, pages: 0x312000 } as const;
/** The linear address of the processors' pages, and the first page in memory. */
const [linear, physical] = [7 * 2 ** 39, 0x320000];

/** Page tables of the guest's own, with a page for each processor. */
const mapPages = (processors: number): string[] => [
  'mov rsi, cr3',
  `mov [${cr3}], rsi`,
  `sgdt [${gdtr}]`,
  'and rsi, -4096',
  `mov eax, ${tables.pointers | 3}`,
  'mov [rsi + 56], rax',
  `mov edi, ${tables.pointers}`,
  `mov eax, ${tables.directory | 3}`,
  'mov [rdi], rax',
  `mov edi, ${tables.directory}`,
  `mov eax, ${tables.pages | 3}`,
  'mov [rdi], rax',
  `mov edi, ${tables.pages}`,
  `mov eax, ${physical | 3}`,
  `mov ecx, ${processors}`,
  'map: mov [rdi], rax',
  'add rdi, 8',
  'add eax, 4096',
  'loop map',
];

/**
 * Takes a number, and then writes and reads its own page, adds up the accessed and dirty flags of the page and clears them, without an
 * invalidation. The flags come back only when the processor walks the tables again.
 */
const addFlags = (rounds: number): string[] => [
  `mov edi, ${number}`,
  'mov eax, 1',
  'lock xadd dword ptr [rdi], eax',
  `mov esi, ${tables.pages}`,
  'lea rsi, [rsi + rax * 8]',
  `mov ebp, ${OwnFlags.sums}`,
  'lea rbp, [rbp + rax * 8]',
  'shl rax, 12',
  `movabs rdi, ${linear}`,
  'add rdi, rax',
  `mov ecx, ${rounds}`,
  'xor ebx, ebx',
  'again: mov [rdi], rcx',
  'lock inc qword ptr [rdi + 8]',
  'mov rdx, [rdi]',
  'mov rdx, [rsi]',
  'and edx, 0x60',
  'add rbx, rdx',
  'rol rbx, 1',
  'and qword ptr [rsi], 0xffffffffffffff9f',
  'test cl, 15',
  'jnz next',
  // now and then the guest invalidates the page itself
  'invlpg [rdi]',
  'next: dec ecx',
  'jnz again',
  'mov [rbp], rbx',
  `mov edi, ${OwnFlags.done}`,
  'lock inc dword ptr [rdi]',
];

/** The other processors go from real-address mode to the first one's 64-bit mode. */
function others(rounds: number): Uint8Array {
  const start = startPage << 12;
  const longPart = start + 0x100;
  const long = assemble([...addFlags(rounds), 'cli', 'hlt'], 64, longPart);
  const real = assemble(
    [
      'xor ax, ax',
      'mov ds, ax',
      `mov eax, [${cr3}]`,
      'mov cr3, eax',
      'mov eax, cr4',
      'or eax, 0x20',
      'mov cr4, eax',
      'mov ecx, 0xc0000080',
      'rdmsr',
      'or eax, 0x100',
      'wrmsr',
      // LGDT [gdtr] with a base of 32 bits
      `.byte 0x66, 0x0f, 0x01, 0x16, ${gdtr & 0xff}, ${gdtr >> 8}`,
      'mov eax, cr0',
      'or eax, 0x80000001',
      'mov cr0, eax',
      // JMP FAR CODE:long
      `.byte 0x66, 0xea, 0, ${longPart >> 8}, 0, 0, ${BootSelector.CODE & 0xff}, ${BootSelector.CODE >> 8}`,
    ],
    16,
    start,
  );
  const code = new Uint8Array(0x100 + long.length);
  code.set(real);
  code.set(long, 0x100);
  return code;
}

/** A flat image of so many processors, each of which clears the flags of its page. The first one waits for the others and halts. */
export function ownFlagsGuest(processors: number, rounds: number): Uint8Array {
  const code = others(rounds);
  return assemble(
    [
      ...mapPages(processors),
      ...(processors > 1 ? startOthers(code) : []),
      ...addFlags(rounds),
      `wait: cmp dword ptr [rdi], ${processors}`,
      'pause',
      'jne wait',
      'cli',
      'hlt',
      ...othersCode(code),
    ],
    64,
    FLAT_IMAGE_ADDRESS,
  );
}
