// SPDX-License-Identifier: LGPL-2.1-only
import { At32, log32, poke, Select32 } from '../protected_guest.js';
import {
  At,
  expectAsBare,
  fsBase,
  guest32,
  guest64,
  logged,
  logMemory,
  logMemory32,
  notCanonical,
  poke64,
  smallSegment,
  tried,
  tried32,
  unmapped,
} from './exiting_guest.js';
import { stepping } from '../guest_programs.js';

const storedTables = ['sgdt', 'sidt'].flatMap((store) => [
  ...[
    `mov ebx, ${At.data}`,
    'mov ecx, 3',
    ...poke64(At.data, -1n & 0xffffffffffffffffn),
    `${store} [rbx]`,
    ...logMemory(At.data, 2),
  ],
  ...[`${store} [rbx + rcx*4 + 0x11]`, ...logMemory(At.data + 0x18, 3), 'mov r9, rbx', `${store} [r9 + 0x40]`],
  ...['bts rbx, 40', `${store} [ebx + 0x50]`, `mov ebx, ${At.data}`, ...logMemory(At.data + 0x40, 4)],
  ...[`${store} [rsp - 0x40]`, 'mov r11, [rsp - 0x40]', ...logged('r11'), ...fsBase(At.data), `${store} fs:[0x80]`],
  ...[...logMemory(At.data + 0x80, 2), `${store} [${At.data + 0xa0}]`, ...logMemory(At.data + 0xa0, 2)],
  ...[`movabs rbx, ${unmapped}`, ...tried(`${store} [rbx]`), `movabs rbx, ${notCanonical}`, ...tried(`${store} [rbx]`)],
  ...['mov r15, rbp', `movabs rbp, ${notCanonical}`, ...tried(`${store} [rbp + 8]`), 'mov rbp, r15'],
]);
const loadedTables = [
  ...['sgdt', 'lgdt', 'sidt', 'lidt'].flatMap((name, index) => [
    `mov ebx, ${At.data + 16 * (index >> 1)}`,
    `${name} [rbx]`,
  ]),
  ...[
    `mov ebx, ${At.data}`,
    'mov word ptr [rbx], 0x4f',
    'lgdt [rbx]',
    `sgdt [${At.data + 0x40}]`,
    ...logMemory(At.data + 0x40, 2),
  ],
  ...[
    `mov ebx, ${At.data + 16}`,
    'mov word ptr [rbx], 0xffe',
    'lidt [rbx]',
    `sidt [${At.data + 0x40}]`,
    ...logMemory(At.data + 0x40, 2),
  ],
  ...[
    'mov r8, [rbx + 2]',
    `movabs rax, ${notCanonical}`,
    'mov [rbx + 2], rax',
    ...tried('lidt [rbx]'),
    ...tried('lgdt [rbx]'),
  ],
  ...[
    'mov [rbx + 2], r8',
    'lidt [rbx]',
    'int3',
    `movabs rbx, ${unmapped}`,
    ...tried('lidt [rbx]'),
    ...tried('lgdt [rbx]'),
  ],
  ...stepping(`lidt [${At.data + 16}]`, `sidt [${At.data + 0x40}]`),
];
const tablesOf32 = [
  ...[
    poke(At.data + 4, -1),
    poke(At.data + 8, -1),
    `sgdt [${At.data}]`,
    ...logMemory32(At.data, 3),
    'mov eax, -1',
    'sldt ax',
    ...log32('eax'),
  ],
  ...[
    `.byte 0x66, 0x0f, 0x01, 0x0d, 0x40, 0x00, 0x2a, 0x00`,
    ...logMemory32(At.data + 0x40, 3),
    'mov eax, -1',
    'sldt eax',
  ],
  ...[...log32('eax'), 'mov eax, -1', 'str ax', ...log32('eax'), 'mov eax, -1', 'str eax', ...log32('eax')],
  // A segment of 16 bytes: its last 6 bytes are within the limit.
  ...[
    ...smallSegment(0x4093),
    'mov es, eax',
    'mov ebx, 10',
    'sgdt es:[ebx]',
    ...logMemory32(At.data + 8, 3),
    'mov ebx, 11',
  ],
  ...[...tried32('sgdt es:[ebx]'), 'mov ebx, 0xfffffffe', ...tried32('sgdt es:[ebx]'), ...tried32('lgdt es:[ebx]')],
  ...[...smallSegment(0x4091), 'mov es, eax', 'xor ebx, ebx', ...tried32('sgdt es:[ebx]'), ...tried32('str es:[ebx]')],
  ...[
    'xor eax, eax',
    'mov es, eax',
    ...tried32('sldt es:[ebx]'),
    ...tried32('lldt es:[ebx]'),
    ...tried32('ltr es:[ebx]'),
  ],
  ...[
    'mov eax, -1',
    ...tried32('sldt es:[ebp]'),
    ...tried32('sgdt cs:[ebx]'),
    `mov eax, ${Select32.ldt}`,
    'lldt ax',
    'sldt eax',
  ],
  ...[...log32('eax'), `mov eax, ${Select32.code}`, ...tried32('lldt ax'), ...tried32('ltr ax')],
  ...[
    `mov eax, ${Select32.tss}`,
    ...tried32('ltr ax'),
    `mov eax, ${Select32.task16}`,
    ...tried32('ltr ax'),
    'str eax',
    ...log32('eax'),
  ],
  ...[`mov eax, ${Select32.task}`, 'ltr ax', 'str eax', ...log32('eax'), ...logMemory32(At32.gdt + Select32.task, 2)],
  // The base of a load with 16-bit operand size has 24 bits.
  ...[
    `sidt [${At.data}]`,
    `sgdt [${At.data + 0x10}]`,
    `mov byte ptr [${At.data + 5}], 0x7f`,
    '.byte 0x66',
    `lidt [${At.data}]`,
  ],
  ...[`sidt [${At.data + 0x20}]`, ...logMemory32(At.data + 0x20, 3), ...tried32('ud2')],
  ...[
    'mov eax, 0x12345678',
    'mov dr0, eax',
    'mov ebx, dr0',
    ...log32('ebx'),
    'mov eax, 0x2400',
    'mov edx, dr6',
    ...log32('edx'),
  ],
  ...[
    'mov ecx, 5',
    'xor edx, edx',
    `mov eax, ${At.data}`,
    ...tried32('monitor'),
    'xor ecx, ecx',
    ...tried32('monitor'),
  ],
  ...[...smallSegment(0x4091), 'mov es, eax', 'mov eax, 16', ...tried32('.byte 0x26, 0x0f, 0x01, 0xc8')],
  ...['mov eax, 0x10008', ...tried32('.byte 0x26, 0x67, 0x0f, 0x01, 0xc8'), 'xor eax, eax', 'mov es, eax'],
];

describe('Instructions of descriptor tables with "descriptor-table exiting"', () => {
  it('SGDT and SIDT store, and fault as on the bare machine', () => expectAsBare(guest64(...storedTables)));
  it('LGDT and LIDT load', () => expectAsBare(guest64(...loadedTables)));
  it('all of them in 32-bit code, with segments', () => expectAsBare(guest32(...tablesOf32)));
});
