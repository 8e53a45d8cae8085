// SPDX-License-Identifier: LGPL-2.1-only
// Bit manipulation with VEX prefix. Semantics: src/machine/cpu/integer/bmi.ts.
import { row, type InstructionRow } from './row.js';

const bmi1 = { feature: 'bmi1' } as const;
const bmi2 = { feature: 'bmi2' } as const;

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = [
  row('VEX NP 0F 38 F2', 'Gy,By,Ey', 'ANDN', bmi1),
  row('VEX NP 0F 38 F7', 'Gy,Ey,By', 'BEXTR', bmi1),
  row('VEX NP 0F 38 F3 /1', 'By,Ey', 'BLSR', bmi1),
  row('VEX NP 0F 38 F3 /2', 'By,Ey', 'BLSMSK', bmi1),
  row('VEX NP 0F 38 F3 /3', 'By,Ey', 'BLSI', bmi1),
  row('VEX NP 0F 38 F5', 'Gy,Ey,By', 'BZHI', bmi2),
  row('VEX F2 0F 38 F6', 'Gy,By,Ey', 'MULX', bmi2),
  row('VEX F2 0F 38 F5', 'Gy,By,Ey', 'PDEP', bmi2),
  row('VEX F3 0F 38 F5', 'Gy,By,Ey', 'PEXT', bmi2),
  row('VEX F2 0F 3A F0', 'Gy,Ey,Ib', 'RORX', bmi2),
  row('VEX F3 0F 38 F7', 'Gy,Ey,By', 'SARX', bmi2),
  row('VEX 66 0F 38 F7', 'Gy,Ey,By', 'SHLX', bmi2),
  row('VEX F2 0F 38 F7', 'Gy,Ey,By', 'SHRX', bmi2),
];
