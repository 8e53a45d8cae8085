// SPDX-License-Identifier: LGPL-2.1-only
// CMOVcc and SETcc. Semantics: src/machine/cpu/integer/condition.ts.
import { conditions, hexByte, row, type InstructionRow } from './row.js';

/** Conditions that compilers use all the time. */
const common = new Set(['Z', 'NZ', 'B', 'NB', 'L', 'NLE', 'NBE']);

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = conditions.flatMap((condition, i) => [
  row(`0F ${hexByte(0x40 + i)}`, 'Gv,Ev', `CMOV${condition}`, { hot: ['Z', 'NZ', 'B', 'NB'].includes(condition) }),
  row(`0F ${hexByte(0x90 + i)}`, 'Eb', `SET${condition}`, { hot: common.has(condition) }),
]);
