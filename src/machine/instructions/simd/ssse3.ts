// SPDX-License-Identifier: LGPL-2.1-only
// SSSE3, for MMX and XMM registers. Semantics: src/machine/cpu/simd/ssse3.ts.
import { simdRow } from './simd_row.js';
import type { InstructionRow } from '../row.js';

/** [last opcode byte of the 0F 38 map, semantics]. */
const operations = [
  ['00', 'PSHUFB'],
  ['01', 'PHADDW'],
  ['02', 'PHADDD'],
  ['03', 'PHADDSW'],
  ['04', 'PMADDUBSW'],
  ['05', 'PHSUBW'],
  ['06', 'PHSUBD'],
  ['07', 'PHSUBSW'],
  ['08', 'PSIGNB'],
  ['09', 'PSIGNW'],
  ['0A', 'PSIGND'],
  ['0B', 'PMULHRSW'],
  ['1C', 'PABSB'],
  ['1D', 'PABSW'],
  ['1E', 'PABSD'],
] as const;

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = [
  ...operations.flatMap(([opcode, semantics]) => [
    simdRow('ssse3', 'ssse3', `NP 0F 38 ${opcode}`, 'Pq,Qq', semantics),
    simdRow('ssse3', 'ssse3', `66 0F 38 ${opcode}`, 'Vdq,Wdq', semantics),
  ]),
  simdRow('ssse3', 'ssse3', 'NP 0F 3A 0F', 'Pq,Qq,Ib', 'PALIGNR'),
  simdRow('ssse3', 'ssse3', '66 0F 3A 0F', 'Vdq,Wdq,Ib', 'PALIGNR'),
];
