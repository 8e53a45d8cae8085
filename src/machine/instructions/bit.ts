// SPDX-License-Identifier: LGPL-2.1-only
// Bit instructions. Semantics: src/machine/cpu/integer/bit.ts.
import { row, type InstructionRow } from './row.js';

/** BT and its relatives: opcode with a register offset, and digit of 0F BA with an immediate one. */
const tests = [
  ['BT', 'A3', 4],
  ['BTS', 'AB', 5],
  ['BTR', 'B3', 6],
  ['BTC', 'BB', 7],
] as const;

/** The three encodings of one of them: a register's bit, a bit string in memory, an immediate offset. */
function operation(name: string, opcode: string, digit: number): InstructionRow[] {
  const options = name === 'BT' ? { memory: 'read' as const, hot: true } : { lock: true };
  return [
    row(`0F ${opcode}`, 'Rv,Gv', name, name === 'BT' ? { hot: true } : {}),
    row(`0F ${opcode}`, 'Mv,Gv', `${name}_STRING`, options),
    row(`0F BA /${digit}`, 'Ev,Ib', name, options),
  ];
}

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = [
  ...tests.flatMap(([name, opcode, digit]) => operation(name, opcode, digit)),
  row('F3 0F B8', 'Gv,Ev', 'POPCNT', { feature: 'popcnt' }),
  row('F3 0F BC', 'Gv,Ev', 'TZCNT', { feature: 'bmi1' }),
  row('F3 0F BD', 'Gv,Ev', 'LZCNT', { feature: 'lzcnt' }),
  row('0F BC', 'Gv,Ev', 'BSF'),
  row('0F BD', 'Gv,Ev', 'BSR'),
];
