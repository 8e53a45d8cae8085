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
