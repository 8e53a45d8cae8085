// SPDX-License-Identifier: LGPL-2.1-only
// AES and carry-less multiplication. Semantics: src/machine/cpu/simd/aes.ts.
import { simdRow } from './simd_row.js';
import type { InstructionRow } from '../row.js';

/** `op xmm, xmm/m128`: [last opcode byte of the 66 0F 38 map, semantics]. */
const operations = [
  ['DB', 'AESIMC'],
  ['DC', 'AESENC'],
  ['DD', 'AESENCLAST'],
  ['DE', 'AESDEC'],
  ['DF', 'AESDECLAST'],
] as const;

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = [
  ...operations.map(([opcode, semantics]) => simdRow('aes', 'aes', `66 0F 38 ${opcode}`, 'Vdq,Wdq', semantics)),
  simdRow('aes', 'aes', '66 0F 3A DF', 'Vdq,Wdq,Ib', 'AESKEYGENASSIST'),
  simdRow('aes', 'pclmulqdq', '66 0F 3A 44', 'Vdq,Wdq,Ib', 'PCLMULQDQ'),
];
