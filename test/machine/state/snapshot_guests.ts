// SPDX-License-Identifier: LGPL-2.1-only
// Guests whose runs are compared with and without snapshots.
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import { assemble } from '../../support/assembler.js';

/** Where the guests leave their results. */
export const RESULT = 0x325000;

/** Sleeps to so many interrupts of the local APIC's timer, 10 µs apart, and adds up the TSC that each handler reads. */
export function timerGuest(interrupts: number): Uint8Array {
  return assemble(
    [
      'xor ebx, ebx',
      'xor r9d, r9d',
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
      'mov dword ptr [rsi + 0x320], 0x20030',
      'mov dword ptr [rsi + 0x380], 125',
      'again: sti',
      'hlt',
      'cli',
      // the work between two interrupts differs
      'mov ecx, ebx',
      'shl ecx, 5',
      'inc ecx',
      'work: add r9, rcx',
      'loop work',
      `cmp ebx, ${interrupts}`,
      'jb again',
      `mov edi, ${RESULT}`,
      'mov [rdi], r9',
      'hlt',
      'handler: inc ebx',
      'rdtsc',
      'add r9, rax',
      'mov dword ptr [rsi + 0xb0], 0',
      'iretq',
    ],
    64,
    FLAT_IMAGE_ADDRESS,
  );
}

/** The queue of the disk, and the request. */
const [descriptors, available, used, header, sector] = [0x320000, 0x321000, 0x322000, 0x323000, 0x324000];
const descriptor = (index: number, address: number, bytes: number, flags: number): string[] => [
  `mov edi, ${descriptors + 16 * index}`,
  `mov qword ptr [rdi], ${address}`,
  `mov dword ptr [rdi + 8], ${bytes}`,
  `mov dword ptr [rdi + 12], ${flags | ((index + 1) << 16)}`,
];

/** Writes so many sectors of its virtio disk, and reads each back when its write has completed. Adds up what it reads. */
export function diskGuest(sectors: number): Uint8Array {
  const store = (offset: number, size: string, value: number): string => `mov ${size} ptr [r8 + ${offset}], ${value}`;
  const queue = [descriptors, available, used].flatMap((address, i) => [
    store(0x20 + 8 * i, 'dword', address),
    store(0x24 + 8 * i, 'dword', 0),
  ]);
  return assemble(
    [
      // the disk is device 2 of the PCI bus; its structures are where base address register 0 says
      ...['mov dx, 0xcf8', 'mov eax, 0x80001010', 'out dx, eax', 'mov dx, 0xcfc', 'in eax, dx', 'and eax, -16'],
      'mov r8d, eax',
      ...['mov dx, 0xcf8', 'mov eax, 0x80001004', 'out dx, eax', 'mov dx, 0xcfc', 'mov ax, 6', 'out dx, ax'],
      store(0x14, 'byte', 3),
      ...[store(8, 'dword', 1), store(0xc, 'dword', 1), store(0x14, 'byte', 0xb), store(0x16, 'word', 0)],
      ...queue,
      ...[store(0x1c, 'word', 1), store(0x14, 'byte', 0xf)],
      ...descriptor(0, header, 16, 1),
      ...descriptor(2, header + 16, 1, 2),
      `mov ecx, ${sectors}`,
      'xor ebx, ebx',
      `again: mov edi, ${header}`,
      'mov dword ptr [rdi], 1',
      'mov dword ptr [rdi + 8], ecx',
      `mov esi, ${sector}`,
      'imul eax, ecx, 0x1030507',
      'mov [rsi], eax',
      ...descriptor(1, sector, 512, 1),
      'call submit',
      `mov edi, ${header}`,
      'mov dword ptr [rdi], 0',
      'mov dword ptr [rsi], 0',
      ...descriptor(1, sector, 512, 3),
      'call submit',
      'rol ebx, 1',
      'add ebx, [rsi]',
      'dec ecx',
      'jnz again',
      `mov edi, ${RESULT}`,
      'mov [rdi], rbx',
      'cli',
      'hlt',
      `submit: mov edi, ${available}`,
      'inc word ptr [rdi + 2]',
      'mov dx, [rdi + 2]',
      store(0x1000, 'word', 0),
      `mov edi, ${used}`,
      'wait: cmp dx, [rdi + 2]',
      'jne wait',
      'ret',
    ],
    64,
    FLAT_IMAGE_ADDRESS,
  );
}
