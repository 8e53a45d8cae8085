// SPDX-License-Identifier: LGPL-2.1-only
// Pieces of guests for runGuest and runBare, in the assembler's Intel syntax: exception handlers, and a log that a test can compare.

const idt = 0x280000;
const logPointer = 0x28f000;
const logBase = 0x290000;
/** Where the log is: the pointer to its next place, and its first place. */
export const logPlace = { pointer: logPointer, first: logBase } as const;

/** Loads an IDT whose gates lead to labels: the first lines of a guest. They change RAX and RDI. */
export function handlers(gates: Readonly<Record<number, string>>): string[] {
  const lines: string[] = [`mov edi, ${logPointer}`, `mov qword ptr [rdi], ${logBase}`];
  for (const [vector, label] of Object.entries(gates)) {
    lines.push(
      `lea rax, [rip + ${label}]`,
      `mov edi, ${idt + 16 * Number(vector)}`,
      'mov [rdi], ax',
      'mov [rdi + 2], cs',
      'mov word ptr [rdi + 4], 0x8e00',
      'shr rax, 16',
      'mov [rdi + 6], ax',
      'shr rax, 16',
      'mov [rdi + 8], rax',
    );
  }
  const register = idt - 16;
  return [
    ...lines,
    `mov edi, ${register}`,
    'mov word ptr [rdi], 0xfff',
    `mov qword ptr [rdi + 2], ${idt}`,
    'lidt [rdi]',
  ];
}

/** Appends a 64-bit register to the log. It keeps all registers but the flags; RSP must not be named. */
export function log(register: string): string[] {
  const [pointer, place] = ['rdi', 'rsi', 'rbp'].filter((name) => name !== register);
  return [
    `push ${pointer}`,
    `push ${place}`,
    `mov ${pointer}, ${logPointer}`,
    `mov ${place}, [${pointer}]`,
    `mov [${place}], ${register}`,
    `add qword ptr [${pointer}], 8`,
    `pop ${place}`,
    `pop ${pointer}`,
  ];
}

/** The log after a run. */
export function readLog(word: (address: number) => bigint): bigint[] {
  const count = Number(word(logPointer) - BigInt(logBase)) / 8;
  return Array.from({ length: count }, (_, index) => word(logBase + 8 * index));
}

const vectorsWithCode = [8, 10, 11, 12, 13, 14, 17];

/**
 * Catches faults: the first lines of a guest. Each fault is logged: RIP, vector, error code or 0, CR2, RFLAGS. The guest goes on at R14. The handler
 * changes R11, R12 and R13.
 *
 * @param others handlers of other vectors: a label for each, and their lines.
 */
export function catchFaults(
  vectors: readonly number[],
  others: { readonly gates: Readonly<Record<number, string>>; readonly lines: readonly string[] } = {
    gates: {},
    lines: [],
  },
): string[] {
  return [
    ...handlers({ ...Object.fromEntries(vectors.map((vector) => [vector, `vector_${vector}`])), ...others.gates }),
    'jmp start',
    ...vectors.flatMap((vector) => [
      `vector_${vector}: ${vectorsWithCode.includes(vector) ? 'pop r13' : 'xor r13d, r13d'}`,
      `mov r12d, ${vector}`,
      'jmp common',
    ]),
    'common: mov r11, [rsp]',
    ...['r11', 'r12', 'r13'].flatMap(log),
    'mov r11, cr2',
    ...log('r11'),
    'mov r11, [rsp + 16]',
    ...log('r11'),
    'mov [rsp], r14',
    'iretq',
    ...others.lines,
    'start: nop',
  ];
}

/** The lines with RFLAGS.TF set. */
export const stepping = (...lines: string[]): string[] => [
  ...['pushfq', 'or qword ptr [rsp], 0x100', 'popfq'],
  ...lines,
  ...['pushfq', 'and qword ptr [rsp], ~0x100', 'popfq'],
];
