// SPDX-License-Identifier: LGPL-2.1-only
// Shifts and rotates. Semantics: src/machine/cpu/integer/shift.ts.
import { row, type InstructionRow } from './row.js';

/** Group 2 in the order of ModRM.reg; /6 is an undocumented second SHL. */
const operations = ['ROL', 'ROR', 'RCL', 'RCR', 'SHL', 'SHR', 'SHL', 'SAR'] as const;

/** The six encodings of one of them: by imm8, 1 and CL. */
function operation(name: string, index: number): InstructionRow[] {
  const hot = index === 4 || index === 5 || index === 7;
  return [
    row(`C0 /${index}`, 'Eb,Ib', name),
    row(`C1 /${index}`, 'Ev,Ib', name, { hot }),
    row(`D0 /${index}`, 'Eb,1', name),
    row(`D1 /${index}`, 'Ev,1', name, { hot }),
    row(`D2 /${index}`, 'Eb,CL', name),
    row(`D3 /${index}`, 'Ev,CL', name, { hot }),
  ];
}

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = [
  ...operations.flatMap(operation),
  row('0F A4', 'Ev,Gv,Ib', 'SHLD'),
  row('0F A5', 'Ev,Gv,CL', 'SHLD'),
  row('0F AC', 'Ev,Gv,Ib', 'SHRD'),
  row('0F AD', 'Ev,Gv,CL', 'SHRD'),
];
