// SPDX-License-Identifier: LGPL-2.1-only
// MMX instructions and those that SSE, SSE2 and SSSE3 added for MMX registers. Semantics: src/machine/cpu/simd/mmx.ts and simd_*.ts.
import { immediateShifts, sharedOperations, simdRow } from './simd_row.js';
import type { InstructionRow } from '../row.js';

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = [
  ...Object.entries(sharedOperations).flatMap(([file, operations]) =>
    operations.map(([opcode, semantics, feature]) => simdRow(file, feature, `NP 0F ${opcode}`, 'Pq,Qq', semantics)),
  ),
  ...immediateShifts.map(([opcode, digit, semantics]) =>
    simdRow('simd_shift', 'mmx', `NP 0F ${opcode} /${digit}`, 'Nq,Ib', semantics),
  ),
  simdRow('mmx', 'mmx', 'NP 0F 6E', 'Pq,Ey', 'MOVDM'),
  simdRow('mmx', 'mmx', 'NP 0F 7E', 'Ey,Pq', 'MOVDMstore'),
  simdRow('mmx', 'mmx', 'NP 0F 6F', 'Pq,Qq', 'MOVQM'),
  simdRow('mmx', 'mmx', 'NP 0F 7F', 'Qq,Pq', 'MOVQMstore'),
  simdRow('mmx', 'mmx', 'NP 0F 77', '', 'EMMS'),
  simdRow('mmx', 'sse', 'NP 0F E7', 'Mq,Pq', 'MOVNTQ'),
  simdRow('simd_shuffle', 'sse', 'NP 0F 70', 'Pq,Qq,Ib', 'PSHUFW'),
  simdRow('simd_shuffle', 'sse', 'NP 0F C4', 'Pq,Ed,Ib', 'PINSRWM'),
  simdRow('simd_shuffle', 'sse', 'NP 0F C5', 'Gd,Nq,Ib', 'PEXTRWM'),
  simdRow('simd_shuffle', 'sse', 'NP 0F D7', 'Gd,Nq', 'PMOVMSKBM'),
  simdRow('simd_shuffle', 'sse', 'NP 0F F7', 'Pq,Nq,Xb', 'MASKMOVQ'),
];
