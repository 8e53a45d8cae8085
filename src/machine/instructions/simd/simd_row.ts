// SPDX-License-Identifier: LGPL-2.1-only
// Rows of the MMX and SSE topics.
import { row, type InstructionRow, type RowOptions } from '../row.js';

/** A {@link row} of a SIMD feature whose semantics are in the AssemblyScript file `file`. */
export function simdRow(
  file: string,
  feature: string,
  opcode: string,
  operands: string,
  semantics: string,
  options: RowOptions = {},
): InstructionRow {
  return row(opcode, operands, semantics, { file, feature, ...options });
}

/** [last opcode byte of the 0F map, semantics, feature of the MMX form] of the operations that MMX and SSE2 share. */
export type SharedOperation = readonly [opcode: string, semantics: string, mmxFeature: 'mmx' | 'sse' | 'sse2'];

/** Packed integer operations `op mm, mm/m64` and `op xmm, xmm/m128`, by AssemblyScript file. */
export const sharedOperations: Readonly<Record<string, readonly SharedOperation[]>> = {
  simd_arithmetic: [
    ['64', 'PCMPGTB', 'mmx'],
    ['65', 'PCMPGTW', 'mmx'],
    ['66', 'PCMPGTD', 'mmx'],
    ['74', 'PCMPEQB', 'mmx'],
    ['75', 'PCMPEQW', 'mmx'],
    ['76', 'PCMPEQD', 'mmx'],
    ['D4', 'PADDQ', 'sse2'],
    ['D5', 'PMULLW', 'mmx'],
    ['D8', 'PSUBUSB', 'mmx'],
    ['D9', 'PSUBUSW', 'mmx'],
    ['DA', 'PMINUB', 'sse'],
    ['DB', 'PAND', 'mmx'],
    ['DC', 'PADDUSB', 'mmx'],
    ['DD', 'PADDUSW', 'mmx'],
    ['DE', 'PMAXUB', 'sse'],
    ['DF', 'PANDN', 'mmx'],
    ['E0', 'PAVGB', 'sse'],
    ['E3', 'PAVGW', 'sse'],
    ['E4', 'PMULHUW', 'sse'],
    ['E5', 'PMULHW', 'mmx'],
    ['E8', 'PSUBSB', 'mmx'],
    ['E9', 'PSUBSW', 'mmx'],
    ['EA', 'PMINSW', 'sse'],
    ['EB', 'POR', 'mmx'],
    ['EC', 'PADDSB', 'mmx'],
    ['ED', 'PADDSW', 'mmx'],
    ['EE', 'PMAXSW', 'sse'],
    ['EF', 'PXOR', 'mmx'],
    ['F4', 'PMULUDQ', 'sse2'],
    ['F5', 'PMADDWD', 'mmx'],
    ['F6', 'PSADBW', 'sse'],
    ['F8', 'PSUBB', 'mmx'],
    ['F9', 'PSUBW', 'mmx'],
    ['FA', 'PSUBD', 'mmx'],
    ['FB', 'PSUBQ', 'sse2'],
    ['FC', 'PADDB', 'mmx'],
    ['FD', 'PADDW', 'mmx'],
    ['FE', 'PADDD', 'mmx'],
  ],
  simd_shuffle: [
    ['60', 'PUNPCKLBW', 'mmx'],
    ['61', 'PUNPCKLWD', 'mmx'],
    ['62', 'PUNPCKLDQ', 'mmx'],
    ['63', 'PACKSSWB', 'mmx'],
    ['67', 'PACKUSWB', 'mmx'],
    ['68', 'PUNPCKHBW', 'mmx'],
    ['69', 'PUNPCKHWD', 'mmx'],
    ['6A', 'PUNPCKHDQ', 'mmx'],
    ['6B', 'PACKSSDW', 'mmx'],
  ],
  simd_shift: [
    ['D1', 'PSRLW', 'mmx'],
    ['D2', 'PSRLD', 'mmx'],
    ['D3', 'PSRLQ', 'mmx'],
    ['E1', 'PSRAW', 'mmx'],
    ['E2', 'PSRAD', 'mmx'],
    ['F1', 'PSLLW', 'mmx'],
    ['F2', 'PSLLD', 'mmx'],
    ['F3', 'PSLLQ', 'mmx'],
  ],
};

/** Shifts by an immediate: [opcode, ModRM.reg, semantics]. */
export const immediateShifts: readonly (readonly [string, number, string])[] = [
  ['71', 2, 'PSRLWI'],
  ['71', 4, 'PSRAWI'],
  ['71', 6, 'PSLLWI'],
  ['72', 2, 'PSRLDI'],
  ['72', 4, 'PSRADI'],
  ['72', 6, 'PSLLDI'],
  ['73', 2, 'PSRLQI'],
  ['73', 6, 'PSLLQI'],
];
