// SPDX-License-Identifier: LGPL-2.1-only
// String instructions; those of I/O are in system.ts. Semantics: src/machine/cpu/integer/string.ts.
import { row, type InstructionRow, type RowOptions } from './row.js';

const repeated: RowOptions = { resumes: true };

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = [
  row('A4', 'Yb,Xb', 'MOVS', repeated),
  row('A5', 'Yv,Xv', 'MOVS', repeated),
  row('A6', 'Xb,Yb', 'CMPS', repeated),
  row('A7', 'Xv,Yv', 'CMPS', repeated),
  row('AA', 'Yb', 'STOS', repeated),
  row('AB', 'Yv', 'STOS', repeated),
  row('AC', 'Xb', 'LODS', repeated),
  row('AD', 'Xv', 'LODS', repeated),
  row('AE', 'Yb', 'SCAS', repeated),
  row('AF', 'Yv', 'SCAS', repeated),
];
