// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { readLog } from '../guest_programs.js';
import { runBare, runGuest } from '../machine_vmm.js';
import {
  At32,
  fillTss,
  interruptGate,
  log32,
  poke,
  pokeEntry,
  protectedGuest,
  Select32,
  taskGate,
  type Task32,
} from '../protected_guest.js';
import { descriptor } from '../../support/processor_setup.js';

const task = At32.tasks;
/** CALL and JMP ptr16:32. */
const farCall = (selector: number): string => `.byte 0x9a, 0, 0, 0, 0, ${selector}, 0`;
const farJump = (selector: number): string => `.byte 0xea, 0, 0, 0, 0, ${selector}, 0`;
/** TR, CR0, EFLAGS, all registers and segment registers, and the descriptors of the TSSs. */
const logState = [
  ...['eax', 'ecx', 'edx', 'ebx', 'ebp', 'esi', 'edi'].flatMap(log32),
  'push esp',
  'pop eax',
  ...log32('eax'),
  'pushfd',
  'pop eax',
  ...log32('eax'),
  'str eax',
  ...log32('eax'),
  'sldt eax',
  ...log32('eax'),
  'mov eax, cr0',
  ...log32('eax'),
  'mov eax, dr7',
  ...log32('eax'),
  ...['es', 'cs', 'ss', 'ds', 'fs', 'gs'].flatMap((name) => [`mov eax, ${name}`, ...log32('eax')]),
  ...[Select32.tss, Select32.task, Select32.task16].flatMap((selector) => log32(`[${At32.gdt + selector + 4}]`)),
];
/** All that the tasks' TSSs hold. */
const logTss = (base: number, words = 0x1a): string[] =>
  Array.from({ length: words }, (_, index) => log32(`dword ptr [${base + 4 * index}]`)).flat();

const someRegisters = ['mov ecx, 0xc0c0c0c0', 'mov edx, 0xd0d0d0d0', 'mov ebx, 0xb0b0b0b0', 'mov ebp, 0xbabababa'];
/**
 * Handlers of what can go wrong: tasks with stacks of their own. Each logs its vector, what is on its stack, CR2, the state and the TSSs, and
 * ends the run.
 */
const vectors = [6, 8, 10, 11, 12, 13, 14];
const faultTask = (index: number): number => task + 0x2000 + 0x80 * index;
const faultSelector = (index: number): number => 0x60 + 8 * index;
const faultHandlers = [
  ...vectors.flatMap((vector, index) => [
    ...pokeEntry(At32.gdt + faultSelector(index), descriptor(faultTask(index), 0x67, 0x89)),
    ...fillTss(faultTask(index), { eip: `fault_${vector}`, esp: At32.handlerStack - 0x1000, cr3: At32.tables }),
    ...taskGate(vector, faultSelector(index)),
  ]),
  'jmp after_handlers',
  ...vectors.flatMap((vector) => [`fault_${vector}: mov eax, ${vector}`, ...log32('eax'), 'jmp fault_end']),
  'fault_end: nop',
  ...log32('dword ptr [esp + 36]'),
  'mov eax, cr2',
  ...log32('eax'),
  ...logState,
  ...logTss(task),
  ...logTss(At32.tss),
  'jmp power_off',
  'after_handlers: nop',
];
/** A task that logs, and returns; when it is called again it does so again. */
const other = [
  'jmp after_other',
  'other: nop',
  ...logState,
  'mov eax, 0x0e0e0e0e',
  'iretd',
  'jmp other',
  'after_other: nop',
];

/** Switches to a task that cannot run. */
const broken = (fields: Partial<Task32>, ...before: string[]): string[] => [
  ...faultHandlers,
  ...fillTss(task, { eip: 'power_off', ...fields }),
  ...before,
  ...someRegisters,
  farCall(Select32.task),
];

/** 32-bit paging: 4 MiB pages, the first MiB of which a page table maps. It changes EAX. */
const paging = [
  poke(At32.tables, (At32.tables + 0x2000) | 7),
  ...Array.from({ length: 1024 }, (_, index) => index)
    .filter((index) => index !== 0 && (index < 4 || index === 0x3fb))
    .map((index) => poke(At32.tables + 4 * index, ((index << 22) | 0x83) >>> 0)),
  `mov edi, ${At32.tables + 0x2000}`,
  'mov eax, 3',
  'next_page: mov [edi], eax',
  'add edi, 4',
  'add eax, 0x1000',
  'cmp eax, 0x400000',
  'jb next_page',
  // A second page directory, of the same page table.
  `mov esi, ${At32.tables}`,
  `mov edi, ${At32.tables + 0x1000}`,
  'mov ecx, 1024',
  '.byte 0xf3, 0xa5',
  'mov eax, cr4',
  'or eax, 0x10',
  'mov cr4, eax',
  `mov eax, ${At32.tables}`,
  'mov cr3, eax',
  'mov eax, cr0',
  'or eax, 0x80010000',
  'mov cr0, eax',
];
/** A handler of page faults that is no task: it logs the frame, CR2 and the state, and ends the run. */
const pageFaultGate = [
  ...interruptGate(14, 'page_fault'),
  'jmp after_page_fault',
  'page_fault: nop',
  ...[0, 4, 8].flatMap((offset) => log32(`dword ptr [esp + ${36 + offset}]`)),
  'mov eax, cr2',
  ...log32('eax'),
  ...logState,
  'jmp power_off',
  'after_page_fault: nop',
];
const entryOf = (page: number): number => At32.tables + 0x2000 + 4 * (page >>> 12);
const logPages = [At32.tables, At32.tables + 0x1000, entryOf(task), entryOf(At32.tss), entryOf(At32.gdt)].flatMap(
  (at) => log32(`dword ptr [${at}]`),
);
const invalidateAll = ['mov eax, cr3', 'mov cr3, eax'];

const pae = [
  // Four PDPTEs, and another four of which one has a reserved bit.
  ...pokeEntry(At32.tables, BigInt(At32.tables + 0x2000) | 1n),
  ...pokeEntry(At32.tables + 0x20, BigInt(At32.tables + 0x2000) | 1n),
  ...pokeEntry(At32.tables + 0x38, 0x123n),
  ...pokeEntry(At32.tables + 0x2000, 0x83n),
  ...pokeEntry(At32.tables + 0x2008, 0x200083n),
  ...['mov eax, cr4', 'or eax, 0x20', 'mov cr4, eax', `mov eax, ${At32.tables}`, 'mov cr3, eax'],
  ...['mov eax, cr0', 'or eax, 0x80000000', 'mov cr0, eax'],
];

const debugHandler = [
  ...interruptGate(1, 'debug'),
  'jmp after_debug',
  'debug: push eax',
  'mov eax, dr6',
  ...log32('eax'),
  'mov eax, dr7',
  ...log32('eax'),
  'str eax',
  ...log32('eax'),
  ...log32('dword ptr [esp + 40]'),
  'mov eax, 0xffff0ff0',
  'mov dr6, eax',
  'and dword ptr [esp + 12], ~0x100',
  'pop eax',
  'iretd',
  'after_debug: nop',
];

const task16 = task + 0x1000;
const pokeWord = (address: number, value: number | string): string => `mov word ptr [${address}], ${value}`;
const fillTss16 = [
  'lea eax, [other16]',
  `sub eax, ${At32.code}`,
  pokeWord(task16 + 0x0e, 'ax'),
  pokeWord(task16 + 0x10, 2),
  ...Array.from({ length: 8 }, (_, index) => pokeWord(task16 + 0x12 + 2 * index, 0x1111 * (index + 1))),
  pokeWord(task16 + 0x1a, 0x7000),
  ...[Select32.data, Select32.small, Select32.absent, Select32.data].map((selector, index) =>
    pokeWord(task16 + 0x22 + 2 * index, selector),
  ),
  pokeWord(task16 + 0x2a, 0),
  // 32-bit code at the guest's base, so that IP reaches it; what was the small TSS's descriptor.
  ...pokeEntry(At32.gdt + Select32.small, descriptor(At32.code, 0xfffff, 0xc09b)),
  // A 16-bit stack segment, since a 16-bit TSS leaves ones in bits 31:16 of ESP.
  ...pokeEntry(At32.gdt + Select32.absent, descriptor(At32.code + 0x10000, 0xffff, 0x93)),
];

const programs: readonly (readonly [string, readonly string[]])[] = [
  ...(
    [
      ['CALL of a TSS, and IRET back', farCall(Select32.task)],
      ['CALL of a task gate', farCall(Select32.gate)],
      ['INT n through a task gate', 'int 0x40'],
    ] as const
  ).map(([what, call]): [string, string[]] => [
    what,
    [
      ...faultHandlers,
      ...other,
      ...taskGate(0x40, Select32.task),
      ...fillTss(task, { eip: 'other', fs: Select32.data }),
      'mov eax, 0x3ff',
      'mov dr7, eax',
      ...someRegisters,
      call,
      'nop',
      ...logState,
      ...logTss(task),
      ...logTss(At32.tss),
      'mov eax, 0x77777777',
      call,
      ...logState,
      ...logTss(task),
    ],
  ]),
  [
    'JMP to a TSS, and JMP back',
    [
      ...faultHandlers,
      ...['jmp after_jumper', 'jumper: nop', ...logState, farJump(Select32.tss), 'after_jumper: nop'],
      ...fillTss(task, { eip: 'jumper', eflags: 0x8d7 }),
      ...someRegisters,
      farJump(Select32.task),
      ...logState,
      ...logTss(task),
      ...logTss(At32.tss),
    ],
  ],
  [
    'a busy TSS, an absent one, a small one, one in the LDT',
    [
      ...faultHandlers,
      ...interruptGate(13, 'general'),
      ...interruptGate(11, 'general'),
      ...interruptGate(10, 'general'),
      'jmp after_general',
      'general: nop',
      ...log32('dword ptr [esp + 36]'),
      'add esp, 4',
      'add dword ptr [esp], 7',
      'iretd',
      'after_general: nop',
      farCall(Select32.tss),
      farCall(Select32.small),
      farCall(Select32.absent),
      farCall(Select32.task | 4),
    ],
  ],
  [
    'an exception with an error code through a task gate',
    [
      ...faultHandlers,
      'jmp after_fixer',
      'fixer: nop',
      ...log32('dword ptr [esp + 36]'),
      ...logState,
      // The old task goes on behind the MOV.
      `add dword ptr [${At32.tss + 0x20}], 2`,
      'add esp, 4',
      'iretd',
      'jmp fixer',
      'after_fixer: nop',
      ...taskGate(13, Select32.task),
      ...fillTss(task, { eip: 'fixer' }),
      'mov eax, 0x7ff0',
      'mov ds, eax',
      ...logTss(At32.tss),
      'mov eax, 0x7fe8',
      'mov ds, eax',
      ...logTss(task),
    ],
  ],
  [
    'a double fault through a task gate',
    [
      ...faultHandlers,
      'jmp after_double',
      'double: nop',
      ...log32('dword ptr [esp + 36]'),
      ...logState,
      ...logTss(At32.tss),
      'jmp power_off',
      'after_double: nop',
      ...taskGate(8, Select32.task),
      // #GP through a gate that is not present is a double fault.
      ...pokeEntry(At32.idt + 8 * 13, 0n),
      ...pokeEntry(At32.idt + 8 * 11, 0n),
      ...fillTss(task, { eip: 'double' }),
      'mov eax, 0x7ff0',
      'mov ds, eax',
    ],
  ],
  [
    'an NMI through a task gate: NMIs are blocked until IRET',
    [
      ...faultHandlers,
      'jmp after_nmi',
      'nmi: nop',
      ...log32('dword ptr [0x28e000]'),
      'inc dword ptr [0x28e000]',
      // A second NMI waits for IRET.
      'cmp dword ptr [0x28e000], 2',
      'ja nmi_end',
      poke(0xfee00300, 0x400),
      'nop',
      ...logState,
      'nmi_end: iretd',
      'jmp nmi',
      'after_nmi: nop',
      ...taskGate(2, Select32.task),
      ...fillTss(task, { eip: 'nmi' }),
      poke(0x28e000, 0),
      poke(0xfee00300, 0x400),
      'nop',
      'nop',
      ...log32('dword ptr [0x28e000]'),
      ...logTss(At32.tss),
    ],
  ],
  [
    'an exception with an error code for which there is no room',
    [
      ...faultHandlers,
      ...taskGate(13, Select32.task),
      // A stack segment of 16 bytes.
      ...pokeEntry(At32.gdt + Select32.small, descriptor(At32.tasks + 0x4000, 0xf, 0x4093)),
      ...fillTss(task, { eip: 'power_off', ss: Select32.small, esp: 0x100 }),
      'mov eax, 0x7ff0',
      'mov ds, eax',
    ],
  ],
  [
    'a 16-bit TSS',
    [
      ...faultHandlers,
      'jmp after_16',
      'other16: nop',
      ...logState,
      'iretd',
      'after_16: nop',
      ...fillTss16,
      ...someRegisters,
      farCall(Select32.task16),
      ...logState,
      ...logTss(task16, 11),
      ...logTss(At32.tss),
    ],
  ],
  [
    'the T flag of a new task',
    [
      ...faultHandlers,
      ...debugHandler,
      ...other,
      ...fillTss(task, { eip: 'other', trap: true }),
      farCall(Select32.task),
      'nop',
      ...log32('ecx'),
    ],
  ],
  [
    'single steps over task switches',
    [
      ...faultHandlers,
      ...debugHandler,
      ...['jmp after_two', 'two: nop', 'nop', 'iretd', 'after_two: nop'],
      ...fillTss(task, { eip: 'two', eflags: 0x102 }),
      ...['pushfd', 'or dword ptr [esp], 0x100', 'popfd', farCall(Select32.task), 'nop', 'nop', 'nop'],
    ],
  ],
  ['a new task without CS', broken({ cs: 0 })],
  ['a new task whose CS is data', broken({ cs: Select32.data })],
  ['a new task whose CS is beyond the GDT', broken({ cs: 0x7ff8 })],
  ['a new task whose CS has another privilege level', broken({ cs: Select32.code | 3 })],
  ['a new task without SS', broken({ ss: 0 })],
  ['a new task whose SS is not present', broken({ ss: Select32.absent })],
  ['a new task whose SS has another privilege level', broken({ ss: Select32.userData })],
  ['a new task whose DS is not present', broken({ ds: Select32.absent })],
  ['a new task whose ES is beyond the GDT', broken({ es: 0x7ff8 })],
  ['a new task whose GS is a TSS', broken({ gs: Select32.tss })],
  ['a new task with an LDT', broken({ ldt: Select32.ldt, eip: 'fault_end' })],
  ['a new task whose LDT is no LDT', broken({ ldt: Select32.data })],
  ['a new task whose LDT is in an LDT', broken({ ldt: 0x54 })],
  [
    'a new task whose EIP is beyond CS',
    broken({ cs: Select32.small }, ...pokeEntry(At32.gdt + Select32.small, descriptor(0, 0xfff, 0x409b))),
  ],
  [
    'a new task at CPL 3',
    broken(
      { cs: Select32.userCode, ss: Select32.userData, ds: Select32.userData, es: Select32.userData, eip: 'user_task' },
      'jmp after_user',
      'user_task: cli',
      'after_user: nop',
    ),
  ],
  [
    'a new task in virtual-8086 mode',
    broken(
      { eflags: 0x20002, cs: 0x2000, ss: 0x2000, ds: 0x1234, es: 0x1000, esp: 0x8000, eip: 'vm86_at' },
      poke(task + 0x20, 0x100),
      poke(0x20100, 0xf4f4f4f4),
      'jmp after_vm86',
      'vm86_at: nop',
      'after_vm86: nop',
    ),
  ],
  [
    'another address space, with accessed and dirty flags',
    [
      ...faultHandlers,
      ...other,
      ...fillTss(task, { eip: 'other', cr3: At32.tables + 0x1000 }),
      ...fillTss(At32.tss, { eip: 'power_off', cr3: At32.tables }),
      ...paging,
      farCall(Select32.task),
      ...logPages,
      'mov eax, cr3',
      ...log32('eax'),
      ...logTss(task),
    ],
  ],
  [
    "a page fault at the old task's TSS",
    [...broken({}, ...pageFaultGate, ...paging, poke(entryOf(At32.tss), At32.tss | 1), ...invalidateAll)],
  ],
  [
    "a page fault at the new task's TSS",
    [...broken({}, ...pageFaultGate, ...paging, poke(entryOf(task), task), ...invalidateAll)],
  ],
  [
    'a new TSS across two pages, the second of which is not mapped',
    [
      ...broken(
        {},
        ...paging,
        ...pokeEntry(At32.gdt + Select32.task, descriptor(task + 0xfe0, 0x67, 0x89)),
        poke(entryOf(task + 0x1000), 0),
        ...invalidateAll,
      ),
    ],
  ],
  [
    'PAE paging',
    broken(
      { cr3: At32.tables + 0x20, eip: 'fault_end' },
      ...pae,
      poke(At32.tables + 0x38, 0),
      poke(task + 0x1c, At32.tables),
    ),
  ],
  ['a new task with a reserved bit in a PDPTE', broken({ cr3: At32.tables + 0x20 }, ...pae)],
];

/**
 * Of a switch whose new task faults before its first instruction, the SDM does not say whether it retired: the bare machine does not count it, and VM
 * entry does, since RIP has moved.
 */
const faultsInNewTask = /^a new task (without|whose)|no room/;

describe('emulateTaskSwitch', () => {
  for (const [what, lines] of programs) {
    it(`does what the bare machine does: ${what}`, async () => {
      const guest = protectedGuest(lines);
      const bare = await runBare(guest);
      const hosted = await runGuest(guest, []);
      expect(bare.end.kind).to.equal('powered-off');
      expect(hosted.end).to.deep.equal(bare.end);
      expect(readLog(bare.word)).to.not.deep.equal([]);
      expect(readLog(hosted.word)).to.deep.equal(readLog(bare.word));
      expect(hosted.instructions - bare.instructions).to.equal(faultsInNewTask.test(what) ? 1 : 0);
    });
  }

  it('is asked: the programs exit for task switches', async () => {
    const { exits } = await runGuest(protectedGuest(programs[0]![1]), []);
    expect(exits[ExitReason.TaskSwitch]).to.be.greaterThan(2);
  });
});
