// SPDX-License-Identifier: LGPL-2.1-only
// Decimal arithmetic. Semantics: src/machine/cpu/integer/decimal.ts.
import { row, type InstructionRow } from './row.js';

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = [
  row('27', '', 'DAA', { mode: 'not64' }),
  row('2F', '', 'DAS', { mode: 'not64' }),
  row('37', '', 'AAA', { mode: 'not64' }),
  row('3F', '', 'AAS', { mode: 'not64' }),
  row('D4', 'Ib', 'AAM', { mode: 'not64' }),
  row('D5', 'Ib', 'AAD', { mode: 'not64' }),
];
