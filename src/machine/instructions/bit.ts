// SPDX-License-Identifier: LGPL-2.1-only
// Bit instructions. Semantics: src/machine/cpu/bit.ts.
import { row, type InstructionRow } from './row.js';

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = [
  row('0F A3', 'Ev,Gv', 'BT', { memory: 'read', hot: true }),
  row('0F AB', 'Ev,Gv', 'BTS', { lock: true }),
  row('0F B3', 'Ev,Gv', 'BTR', { lock: true }),
  row('0F BB', 'Ev,Gv', 'BTC', { lock: true }),
  row('0F BA /4', 'Ev,Ib', 'BT', { memory: 'read' }),
  row('0F BA /5', 'Ev,Ib', 'BTS', { lock: true }),
  row('0F BA /6', 'Ev,Ib', 'BTR', { lock: true }),
  row('0F BA /7', 'Ev,Ib', 'BTC', { lock: true }),
  row('F3 0F B8', 'Gv,Ev', 'POPCNT', { feature: 'popcnt' }),
  row('F3 0F BC', 'Gv,Ev', 'TZCNT', { feature: 'bmi1' }),
  row('F3 0F BD', 'Gv,Ev', 'LZCNT', { feature: 'lzcnt' }),
  row('0F BC', 'Gv,Ev', 'BSF'),
  row('0F BD', 'Gv,Ev', 'BSR'),
];
