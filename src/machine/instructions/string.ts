// SPDX-License-Identifier: LGPL-2.1-only
// String instructions; those of I/O are in system.ts. Semantics: src/machine/cpu/integer/string.ts.
import { row, type InstructionRow } from './row.js';

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = [
  row('A4', 'Yb,Xb', 'MOVS'),
  row('A5', 'Yv,Xv', 'MOVS'),
  row('A6', 'Xb,Yb', 'CMPS'),
  row('A7', 'Xv,Yv', 'CMPS'),
  row('AA', 'Yb', 'STOS'),
  row('AB', 'Yv', 'STOS'),
  row('AC', 'Xb', 'LODS'),
  row('AD', 'Xv', 'LODS'),
  row('AE', 'Yb', 'SCAS'),
  row('AF', 'Yv', 'SCAS'),
];
