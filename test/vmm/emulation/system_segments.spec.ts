// SPDX-License-Identifier: LGPL-2.1-only
import { descriptor } from '../../support/processor_setup.js';
import {
  At,
  expectAsBare,
  guest64,
  logged,
  logMemory,
  ones,
  poke64,
  tried,
  unmapped,
} from '../exit_handler/exiting_guest.js';

const [selectedLdt, selectedTss] = [0x40, 0x50];
const system = (base: number, limit: number, rights: number): bigint => descriptor(base, limit, rights);
/** A GDT of the guest's own, with LDTs and TSSs. */
const ownGdt = [
  ...[`mov ebx, ${At.data}`, 'sgdt [rbx]', 'mov rsi, [rbx + 2]', `mov edi, ${At.gdt}`, 'mov ecx, 0x40', 'rep movsb'],
  ...poke64(At.gdt + selectedLdt, system(At.tables, 0x1f, 0x82)),
  ...poke64(At.gdt + selectedLdt + 8, 0n),
  ...poke64(At.gdt + selectedTss, system(At.tables + 0x100, 0x67, 0x89)),
  ...poke64(At.gdt + selectedTss + 8, 0n),
  ...poke64(At.gdt + 0x60, system(At.tables, 0x1f, 0x02)),
  ...poke64(At.gdt + 0x68, 0n),
  ...poke64(At.gdt + 0x70, system(At.tables, 0x1f, 0x82)),
  ...poke64(At.gdt + 0x78, 0x100n << 32n),
  ...poke64(At.gdt + 0x80, system(At.tables, 0x1f, 0x82)),
  ...poke64(At.gdt + 0x88, 0x8000n),
  ...poke64(At.gdt + 0x90, system(At.tables, 0x67, 0x81)),
  ...poke64(At.gdt + 0x98, 0n),
  ...poke64(At.gdt + 0xa0, system(At.tables, 0x1f, 0x82)),
  ...[`mov word ptr [rbx], 0xa7`, `mov dword ptr [rbx + 2], ${At.gdt}`, 'mov dword ptr [rbx + 6], 0', 'lgdt [rbx]'],
  ...poke64(At.tables + 8, descriptor(At.data, 0xffff, 0x4093)),
];
const systemSegments = [
  ...ownGdt,
  ...['sldt', 'str'].flatMap((store) => [
    ...['rax', 'eax', 'ax', 'r9', 'r9d', 'r9w'].flatMap((register) => {
      const whole = register.startsWith('r9') ? 'r9' : 'rax';
      return [ones(whole), `${store} ${register}`, ...logged(whole)];
    }),
    ...[
      'mov r15, rsp',
      '.byte 0x66',
      store === 'sldt' ? '.byte 0x0f, 0x00, 0xc4' : '.byte 0x0f, 0x00, 0xcc',
      'mov rax, rsp',
    ],
    ...[
      'mov rsp, r15',
      ...logged('rax'),
      ...poke64(At.data, 0x1111111111111111n),
      `mov ebx, ${At.data}`,
      `${store} [rbx + 2]`,
    ],
    ...[...logMemory(At.data, 1), `movabs rbx, ${unmapped}`, ...tried(`${store} [rbx]`)],
  ]),
  ...[selectedLdt, 0, 3, 0x60, 0x70, 0x80, 0xa0, 0xb0, 0x10, 0x44, selectedTss, selectedLdt + 1].flatMap((selector) => [
    ...[`mov eax, ${0xdead0000 + selector}`, ...tried('lldt ax'), ones('rax'), 'sldt rax', ...logged('rax')],
  ]),
  ...['mov eax, 12', 'mov fs, eax', ...poke64(At.data + 0x20, 0x2222n), 'mov rax, fs:[0x20]', ...logged('rax')],
  ...[`mov ebx, ${At.data}`, `mov word ptr [rbx], ${selectedLdt}`, 'lldt [rbx]', 'sldt eax', ...logged('rax')],
  ...[`movabs rbx, ${unmapped}`, ...tried('lldt [rbx]'), ...tried('ltr [rbx]')],
  ...[0, selectedLdt, 0x90, 0x60, 0xb0, selectedTss + 4, selectedTss, selectedTss].flatMap((selector) => [
    ...[`mov eax, ${selector}`, ...tried('ltr ax'), ones('rax'), 'str rax', ...logged('rax')],
  ]),
  ...logMemory(At.gdt + selectedTss, 2),
];

describe('SystemSegments', () => {
  it('loads LDTR and TR, and refuses descriptors, as the processor does', () =>
    expectAsBare(guest64(...systemSegments)));
});
