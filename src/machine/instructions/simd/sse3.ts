// SPDX-License-Identifier: LGPL-2.1-only
// SSE3 (FISTTP is in x87.ts, MONITOR and MWAIT with the system instructions). Semantics: src/machine/cpu/simd/sse3.ts.
import { simdRow } from './simd_row.js';
import type { InstructionRow } from '../row.js';

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = [
  simdRow('sse3', 'sse3', '66 0F D0', 'Vpd,Wpd', 'ADDSUBPD'),
  simdRow('sse3', 'sse3', 'F2 0F D0', 'Vps,Wps', 'ADDSUBPS'),
  simdRow('sse3', 'sse3', '66 0F 7C', 'Vpd,Wpd', 'HADDPD'),
  simdRow('sse3', 'sse3', 'F2 0F 7C', 'Vps,Wps', 'HADDPS'),
  simdRow('sse3', 'sse3', '66 0F 7D', 'Vpd,Wpd', 'HSUBPD'),
  simdRow('sse3', 'sse3', 'F2 0F 7D', 'Vps,Wps', 'HSUBPS'),
  simdRow('sse3', 'sse3', 'F2 0F 12', 'Vq,Wq', 'MOVDDUP'),
  simdRow('sse3', 'sse3', 'F3 0F 12', 'Vps,Wps', 'MOVSLDUP'),
  simdRow('sse3', 'sse3', 'F3 0F 16', 'Vps,Wps', 'MOVSHDUP'),
  simdRow('sse_move', 'sse3', 'F2 0F F0', 'Vdq,Mdq', 'MOVU'),
];
