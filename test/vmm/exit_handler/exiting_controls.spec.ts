// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { At32, interruptGate, log32, Select32 } from '../protected_guest.js';
import {
  At,
  controls,
  expectAsBare,
  guest32,
  guest64,
  logged,
  logMemory32,
  notCanonical,
  tried,
  tried32,
} from './exiting_guest.js';
import { stepping } from '../guest_programs.js';

const others = [
  ...['xor ecx, ecx', ...tried('rdpmc'), 'mov ecx, 0x40000000', ...tried('rdpmc'), 'pause', 'wbinvd', 'invd'],
  ...[
    'rdtsc',
    ...logged('rax', 'rdx'),
    'rdtscp',
    ...logged('rax', 'rcx', 'rdx'),
    '.byte 0xf3, 0x41, 0x0f, 0xc7, 0xf8',
    ...logged('r8'),
  ],
  ...[`mov ebx, ${At.data}`, 'invlpg [rbx]', `movabs rbx, ${notCanonical}`, 'invlpg [rbx]'],
  ...['mov rax, cr3', ...logged('rax'), 'mov cr3, rax', 'mov eax, 5', 'mov cr8, rax', 'mov r8, cr8', ...logged('r8')],
  ...[
    'mov eax, 16',
    ...tried('mov cr8, rax'),
    'xor eax, eax',
    'mov cr8, rax',
    'in al, 0x80',
    ...logged('rax'),
    'out 0x80, al',
  ],
  ...['cli', 'sti', 'nop', 'cli', ...stepping('hlt', 'nop', 'sti', 'hlt', 'cli')],
];

/** The same at CPL 3, with alignment checked, with and without CR4.UMIP. */
const userInstructions = [
  ...[
    ...tried32(`sgdt [${At.data}]`),
    ...logMemory32(At.data, 2),
    ...tried32(`sidt [${At.data + 2}]`),
    ...tried32(`sldt [${At.data + 1}]`),
  ],
  ...['mov eax, -1', ...tried32('sldt ax'), ...log32('eax'), ...tried32('str eax'), ...log32('eax')],
  ...[
    ...tried32('mov eax, dr0'),
    ...tried32('mov dr7, eax'),
    ...tried32('mov eax, dr4'),
    ...tried32(`lgdt [${At.data}]`),
  ],
  ...[...tried32('lldt ax'), ...tried32('rdpmc'), ...tried32('monitor'), ...tried32('mwait'), ...tried32('hlt')],
  ...['xor eax, eax', 'rdrand ax', ...log32('eax'), 'rdseed eax', ...log32('eax'), 'pause'],
  ...[...tried32('wbinvd'), ...tried32('invd'), ...tried32(`invlpg [${At.data}]`), ...tried32('mov eax, cr3')],
];
const inUserMode = (cr4: number): string[] => [
  ...['mov eax, cr0', 'or eax, 0x40000', 'mov cr0, eax', 'mov eax, cr4', `or eax, ${cr4}`, 'mov cr4, eax'],
  ...interruptGate(0x40, 'back'),
  `mov byte ptr [${At32.idt + 8 * 0x40 + 5}], 0xee`,
  ...[`push ${Select32.userData}`, `push ${At32.stack - 0x800}`, 'push 0x40002', `push ${Select32.userCode}`],
  ...[
    'lea eax, [user]',
    'push eax',
    'iretd',
    'user: nop',
    `mov eax, ${Select32.userData}`,
    'mov ds, eax',
    'mov es, eax',
  ],
  ...userInstructions,
  ...['int 0x40', 'back: nop', `mov eax, ${Select32.data}`, 'mov ds, eax', 'mov es, eax'],
];
const userModeInstructionPrevention = 0x800;

describe('Under an extension that only switches exiting controls on, a guest sees what it sees on the bare machine', () => {
  it('of other instructions', () => expectAsBare(guest64(...others)));
  it('in user mode', () => expectAsBare(guest32(...inUserMode(0))));
  it('in user mode with CR4.UMIP', () => expectAsBare(guest32(...inUserMode(userModeInstructionPrevention))));

  it('with some twenty controls', () => {
    expect(controls.map(([, name]) => name)).to.include.members(['MovDrExiting', 'DescriptorTableExiting']);
    expect(controls).to.have.length.above(18);
  });
});
