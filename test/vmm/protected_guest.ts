// SPDX-License-Identifier: LGPL-2.1-only
// Guests in 32-bit protected mode for runGuest and runBare: a multiboot image with a GDT, an IDT and TSSs, in the assembler's Intel syntax.
import { descriptor } from '../support/processor_setup.js';
import { assemble } from '../support/assembler.js';
import { logPlace } from './guest_programs.js';

/** Where a guest's tables are. */
export const At32 = {
  code: 0x200000,
  idt: 0x280000,
  gdt: 0x281000,
  tss: 0x282000,
  /** TSSs of other tasks. */
  tasks: 0x283000,
  /** Tops of stacks. */
  stack: 0x28b000,
  handlerStack: 0x28c000,
  /** Paging structures. */
  tables: 0x2a0000,
} as const;

/** Selectors of the GDT. */
export const Select32 = {
  code: 0x08,
  data: 0x10,
  tss: 0x18,
  task: 0x20,
  task16: 0x28,
  gate: 0x30,
  absent: 0x38,
  userCode: 0x43,
  userData: 0x4b,
  ldt: 0x50,
  small: 0x58,
} as const;

const rights = { code: 0xc09b, data: 0xc093, tss32: 0x89, tss16: 0x81, ldt: 0x82, absentData: 0xc013 } as const;
const user = 0x60;
const taskGateRights = 0x85;

/** Stores 32 bits at an address. */
export const poke = (address: number, value: number): string => `mov dword ptr [${address}], ${value >>> 0}`;
/** Stores a descriptor, or a gate. */
export const pokeEntry = (address: number, entry: bigint): string[] => [
  poke(address, Number(entry & 0xffffffffn)),
  poke(address + 4, Number(entry >> 32n)),
];
/** A task gate in the IDT. */
export const taskGate = (vector: number, selector: number): string[] =>
  pokeEntry(At32.idt + 8 * vector, (BigInt(taskGateRights) << 40n) | (BigInt(selector) << 16n));
/** An interrupt gate that leads to a label. It changes EAX. */
export const interruptGate = (vector: number, label: string): string[] => [
  `lea eax, [${label}]`,
  `mov word ptr [${At32.idt + 8 * vector}], ax`,
  'shr eax, 16',
  `mov word ptr [${At32.idt + 8 * vector + 6}], ax`,
  `mov word ptr [${At32.idt + 8 * vector + 2}], ${Select32.code}`,
  `mov word ptr [${At32.idt + 8 * vector + 4}], 0x8e00`,
];

/** Appends a 32-bit register, or a word of memory, to the log. It keeps all registers and flags. ESP must not be named. */
export function log32(operand: string): string[] {
  return [
    'pushfd',
    'pushad',
    `push ${operand}`,
    'pop eax',
    `mov edi, [${logPlace.pointer}]`,
    'mov [edi], eax',
    'mov dword ptr [edi + 4], 0',
    `add dword ptr [${logPlace.pointer}], 8`,
    'popad',
    'popfd',
  ];
}

const gdt: readonly (readonly [number, bigint])[] = [
  [Select32.code, descriptor(0, 0xffffffff, rights.code)],
  [Select32.data, descriptor(0, 0xffffffff, rights.data)],
  [Select32.tss, descriptor(At32.tss, 0x67, rights.tss32)],
  [Select32.task, descriptor(At32.tasks, 0x67, rights.tss32)],
  [Select32.task16, descriptor(At32.tasks + 0x1000, 0x2b, rights.tss16)],
  [Select32.gate, (BigInt(taskGateRights) << 40n) | (BigInt(Select32.task) << 16n)],
  [Select32.absent, descriptor(0, 0xffffffff, rights.absentData)],
  [Select32.userCode & ~3, descriptor(0, 0xffffffff, rights.code | user)],
  [Select32.userData & ~3, descriptor(0, 0xffffffff, rights.data | user)],
  [Select32.ldt, descriptor(At32.tasks + 0x3000, 0x1f, rights.ldt)],
  [Select32.small, descriptor(At32.tasks, 0x66, rights.tss32)],
];

const loadTable = (instruction: string, base: number, limit: number): string[] => [
  `mov word ptr [${logPlace.pointer - 16}], ${limit}`,
  poke(logPlace.pointer - 14, base),
  `${instruction} [${logPlace.pointer - 16}]`,
];

const begin = [
  `mov esp, ${At32.stack}`,
  poke(logPlace.pointer, logPlace.first),
  ...gdt.flatMap(([selector, entry]) => pokeEntry(At32.gdt + selector, entry)),
  ...loadTable('lgdt', At32.gdt, 0xff),
  ...loadTable('lidt', At32.idt, 0x7ff),
  `mov eax, ${Select32.data}`,
  ...['ds', 'es', 'ss', 'fs', 'gs'].map((name) => `mov ${name}, eax`),
  `push ${Select32.code}`,
  'lea eax, [begun]',
  'push eax',
  'retf',
  'begun: nop',
  poke(At32.tss + 4, At32.handlerStack),
  poke(At32.tss + 8, Select32.data),
  `mov eax, ${Select32.tss}`,
  'ltr ax',
  'xor eax, eax',
];

const header = [0x1badb002, 0x10000];

/** A kernel of these lines, which then switches the machine off. */
export function protectedGuest(lines: readonly string[]): Uint8Array {
  const headerBytes = 32;
  const off = ['power_off: mov edx, 0x604', 'mov eax, 0x2000', 'out dx, ax', 'hlt'];
  const code = assemble([...begin, ...lines, ...off], 32, At32.code + headerBytes);
  const bytes = new Uint8Array(headerBytes + code.length);
  const words = new DataView(bytes.buffer);
  const checksum = -header.reduce((sum, each) => sum + each) | 0;
  const fields = [...header, checksum, At32.code, At32.code, 0, 0, At32.code + headerBytes];
  fields.forEach((word, index) => words.setUint32(4 * index, word >>> 0, true));
  bytes.set(code, headerBytes);
  return bytes;
}

/** What a TSS of 32 bits begins a task with. */
export interface Task32 {
  readonly cr3?: number;
  readonly eip: string;
  readonly eflags?: number;
  readonly esp?: number;
  readonly cs?: number;
  readonly ss?: number;
  readonly ds?: number;
  readonly es?: number;
  readonly fs?: number;
  readonly gs?: number;
  readonly ldt?: number;
  readonly trap?: boolean;
}

/** Fills a TSS of 32 bits; its general registers are 1, 2, …. It changes EAX. */
export function fillTss(base: number, task: Task32): string[] {
  const { code, data } = Select32;
  const selectors = [task.es ?? data, task.cs ?? code, task.ss ?? data, task.ds ?? data, task.fs ?? 0, task.gs ?? 0];
  return [
    poke(base + 0x1c, task.cr3 ?? 0),
    `lea eax, [${task.eip}]`,
    `mov [${base + 0x20}], eax`,
    poke(base + 0x24, task.eflags ?? 2),
    ...Array.from({ length: 8 }, (_, index) => poke(base + 0x28 + 4 * index, 0x1111_1111 * (index + 1))),
    poke(base + 0x38, task.esp ?? At32.handlerStack - 0x800),
    ...selectors.map((selector, index) => poke(base + 0x48 + 4 * index, selector)),
    poke(base + 0x60, task.ldt ?? 0),
    poke(base + 0x64, task.trap === true ? 1 : 0),
  ];
}
