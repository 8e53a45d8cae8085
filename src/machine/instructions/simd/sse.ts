// SPDX-License-Identifier: LGPL-2.1-only
// SSE: single precision on XMM registers. Semantics: src/machine/cpu/simd/sse_*.ts. The MMX additions are in mmx.ts.
import { simdRow } from './simd_row.js';
import type { InstructionRow } from '../row.js';

/** [opcode, name] of the operations that exist packed and scalar. */
export const floatOperations = [
  ['51', 'SQRT'],
  ['58', 'ADD'],
  ['59', 'MUL'],
  ['5C', 'SUB'],
  ['5D', 'MIN'],
  ['5E', 'DIV'],
  ['5F', 'MAX'],
] as const;

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = [
  ...floatOperations.flatMap(([opcode, name]) => [
    simdRow('sse_arithmetic', 'sse', `NP 0F ${opcode}`, 'Vps,Wps', `${name}PS`),
    simdRow('sse_arithmetic', 'sse', `F3 0F ${opcode}`, 'Vss,Wss', `${name}SS`),
  ]),
  simdRow('sse_move', 'sse', 'NP 0F 10', 'Vps,Wps', 'MOVU'),
  simdRow('sse_move', 'sse', 'NP 0F 11', 'Wps,Vps', 'MOVUstore'),
  simdRow('sse_move', 'sse', 'F3 0F 10', 'Vss,Wss', 'MOVSS'),
  simdRow('sse_move', 'sse', 'F3 0F 11', 'Wss,Vss', 'MOVSSstore'),
  simdRow('sse_move', 'sse', 'NP 0F 12', 'Vq,Uq', 'MOVHLPS'),
  simdRow('sse_move', 'sse', 'NP 0F 12', 'Vq,Mq', 'MOVLP'),
  simdRow('sse_move', 'sse', 'NP 0F 13', 'Mq,Vq', 'MOVLPstore'),
  simdRow('sse_move', 'sse', 'NP 0F 16', 'Vq,Uq', 'MOVLHPS'),
  simdRow('sse_move', 'sse', 'NP 0F 16', 'Vq,Mq', 'MOVHP'),
  simdRow('sse_move', 'sse', 'NP 0F 17', 'Mq,Vq', 'MOVHPstore'),
  simdRow('sse_move', 'sse', 'NP 0F 28', 'Vps,Wps', 'MOVA'),
  simdRow('sse_move', 'sse', 'NP 0F 29', 'Wps,Vps', 'MOVAstore'),
  simdRow('sse_move', 'sse', 'NP 0F 2B', 'Mdq,Vps', 'MOVNT'),
  simdRow('simd_shuffle', 'sse', 'NP 0F 14', 'Vps,Wps', 'UNPCKLPS'),
  simdRow('simd_shuffle', 'sse', 'NP 0F 15', 'Vps,Wps', 'UNPCKHPS'),
  simdRow('simd_shuffle', 'sse', 'NP 0F C6', 'Vps,Wps,Ib', 'SHUFPS'),
  simdRow('simd_shuffle', 'sse', 'NP 0F 50', 'Gd,Ups', 'MOVMSKPS'),
  simdRow('simd_arithmetic', 'sse', 'NP 0F 54', 'Vps,Wps', 'PAND'),
  simdRow('simd_arithmetic', 'sse', 'NP 0F 55', 'Vps,Wps', 'PANDN'),
  simdRow('simd_arithmetic', 'sse', 'NP 0F 56', 'Vps,Wps', 'POR'),
  simdRow('simd_arithmetic', 'sse', 'NP 0F 57', 'Vps,Wps', 'PXOR'),
  simdRow('sse_convert', 'sse', 'NP 0F 2A', 'Vq,Qq', 'CVTPI2PS'),
  simdRow('sse_convert', 'sse', 'F3 0F 2A', 'Vss,Ey', 'CVTSI2SS'),
  simdRow('sse_convert', 'sse', 'NP 0F 2C', 'Pq,Wq', 'CVTTPS2PI'),
  simdRow('sse_convert', 'sse', 'F3 0F 2C', 'Gy,Wss', 'CVTTSS2SI'),
  simdRow('sse_convert', 'sse', 'NP 0F 2D', 'Pq,Wq', 'CVTPS2PI'),
  simdRow('sse_convert', 'sse', 'F3 0F 2D', 'Gy,Wss', 'CVTSS2SI'),
  simdRow('sse_arithmetic', 'sse', 'NP 0F 2E', 'Vss,Wss', 'UCOMISS'),
  simdRow('sse_arithmetic', 'sse', 'NP 0F 2F', 'Vss,Wss', 'COMISS'),
  simdRow('sse_arithmetic', 'sse', 'NP 0F 52', 'Vps,Wps', 'RSQRTPS'),
  simdRow('sse_arithmetic', 'sse', 'F3 0F 52', 'Vss,Wss', 'RSQRTSS'),
  simdRow('sse_arithmetic', 'sse', 'NP 0F 53', 'Vps,Wps', 'RCPPS'),
  simdRow('sse_arithmetic', 'sse', 'F3 0F 53', 'Vss,Wss', 'RCPSS'),
  simdRow('sse_arithmetic', 'sse', 'NP 0F C2', 'Vps,Wps,Ib', 'CMPPS'),
  simdRow('sse_arithmetic', 'sse', 'F3 0F C2', 'Vss,Wss,Ib', 'CMPSSX'),
  simdRow('sse_state', 'sse', 'NP 0F AE /2', 'Md', 'LDMXCSR', { memory: 'read' }),
  simdRow('sse_state', 'sse', 'NP 0F AE /3', 'Md', 'STMXCSR'),
  simdRow('sse_state', 'fxsr', 'NP 0F AE /0', 'M', 'FXSAVE', { bytes: 512, size: 'y' }),
  simdRow('sse_state', 'fxsr', 'NP 0F AE /1', 'M', 'FXRSTOR', { bytes: 512, memory: 'read', size: 'y' }),
];
