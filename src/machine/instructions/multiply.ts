// SPDX-License-Identifier: LGPL-2.1-only
// Multiplication and division. Semantics: src/machine/cpu/integer/multiply.ts.
import { row, type InstructionRow } from './row.js';

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = [
  row('F6 /4', 'Eb', 'MUL', { memory: 'read' }),
  row('F7 /4', 'Ev', 'MUL', { memory: 'read', hot: true }),
  row('F6 /5', 'Eb', 'IMUL1', { memory: 'read' }),
  row('F7 /5', 'Ev', 'IMUL1', { memory: 'read' }),
  row('0F AF', 'Gv,Ev', 'IMUL2', { hot: true }),
  row('69', 'Gv,Ev,Iz', 'IMUL3', { hot: true }),
  row('6B', 'Gv,Ev,sIb', 'IMUL3', { hot: true }),
  row('F6 /6', 'Eb', 'DIV', { memory: 'read' }),
  row('F7 /6', 'Ev', 'DIV', { memory: 'read' }),
  row('F6 /7', 'Eb', 'IDIV', { memory: 'read' }),
  row('F7 /7', 'Ev', 'IDIV', { memory: 'read' }),
];
