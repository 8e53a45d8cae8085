// SPDX-License-Identifier: LGPL-2.1-only
// SSE4.1 and SSE4.2 (POPCNT is with the bit instructions). Semantics: src/machine/cpu/simd/sse4_*.ts.
import { simdRow } from './simd_row.js';
import type { InstructionRow } from '../row.js';

/** `op xmm, xmm/m128`: [last opcode byte of the 66 0F 38 map, semantics]. */
const operations = [
  ['10', 'PBLENDVB'],
  ['14', 'BLENDVPS'],
  ['15', 'BLENDVPD'],
  ['17', 'PTEST'],
  ['28', 'PMULDQ'],
  ['29', 'PCMPEQQ'],
  ['2B', 'PACKUSDW'],
  ['38', 'PMINSB'],
  ['39', 'PMINSD'],
  ['3A', 'PMINUW'],
  ['3B', 'PMINUD'],
  ['3C', 'PMAXSB'],
  ['3D', 'PMAXSD'],
  ['3E', 'PMAXUW'],
  ['3F', 'PMAXUD'],
  ['40', 'PMULLD'],
  ['41', 'PHMINPOSUW'],
] as const;

/** Extensions: [letters of PMOVSX/PMOVZX, last opcode byte of PMOVSX, source]. */
const extensions = [
  ['BW', 0x20, 'Wq'],
  ['BD', 0x21, 'Wd'],
  ['BQ', 0x22, 'Ww'],
  ['WD', 0x23, 'Wq'],
  ['WQ', 0x24, 'Wd'],
  ['DQ', 0x25, 'Wq'],
] as const;

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = [
  ...operations.map(([opcode, semantics]) =>
    simdRow('sse4_integer', 'sse4_1', `66 0F 38 ${opcode}`, 'Vdq,Wdq', semantics),
  ),
  ...extensions.flatMap(([letters, opcode, source]) => [
    simdRow('sse4_integer', 'sse4_1', `66 0F 38 ${opcode.toString(16)}`, `Vdq,${source}`, `PMOVSX${letters}`),
    simdRow('sse4_integer', 'sse4_1', `66 0F 38 ${(opcode + 16).toString(16)}`, `Vdq,${source}`, `PMOVZX${letters}`),
  ]),
  simdRow('sse_move', 'sse4_1', '66 0F 38 2A', 'Vdq,Mdq', 'MOVA'),
  simdRow('sse4_float', 'sse4_1', '66 0F 3A 08', 'Vps,Wps,Ib', 'ROUNDPS'),
  simdRow('sse4_float', 'sse4_1', '66 0F 3A 09', 'Vpd,Wpd,Ib', 'ROUNDPD'),
  simdRow('sse4_float', 'sse4_1', '66 0F 3A 0A', 'Vss,Wss,Ib', 'ROUNDSS'),
  simdRow('sse4_float', 'sse4_1', '66 0F 3A 0B', 'Vsd,Wsd,Ib', 'ROUNDSD'),
  simdRow('sse4_integer', 'sse4_1', '66 0F 3A 0C', 'Vps,Wps,Ib', 'BLENDPS'),
  simdRow('sse4_integer', 'sse4_1', '66 0F 3A 0D', 'Vpd,Wpd,Ib', 'BLENDPD'),
  simdRow('sse4_integer', 'sse4_1', '66 0F 3A 0E', 'Vdq,Wdq,Ib', 'PBLENDW'),
  simdRow('sse4_integer', 'sse4_1', '66 0F 3A 14', 'Ed,Vdq,Ib', 'PEXTRB'),
  simdRow('sse4_integer', 'sse4_1', '66 0F 3A 15', 'Ed,Vdq,Ib', 'PEXTRWstore'),
  simdRow('sse4_integer', 'sse4_1', '66 0F 3A 16', 'Ey,Vdq,Ib', 'PEXTRD'),
  simdRow('sse4_integer', 'sse4_1', '66 0F 3A 17', 'Ed,Vdq,Ib', 'PEXTRD'),
  simdRow('sse4_integer', 'sse4_1', '66 0F 3A 20', 'Vdq,Ed,Ib', 'PINSRB'),
  simdRow('sse4_float', 'sse4_1', '66 0F 3A 21', 'Vdq,Wd,Ib', 'INSERTPS'),
  simdRow('sse4_integer', 'sse4_1', '66 0F 3A 22', 'Vdq,Ey,Ib', 'PINSRD'),
  simdRow('sse4_float', 'sse4_1', '66 0F 3A 40', 'Vps,Wps,Ib', 'DPPS'),
  simdRow('sse4_float', 'sse4_1', '66 0F 3A 41', 'Vpd,Wpd,Ib', 'DPPD'),
  simdRow('sse4_integer', 'sse4_1', '66 0F 3A 42', 'Vdq,Wdq,Ib', 'MPSADBW'),
  simdRow('sse4_integer', 'sse4_2', '66 0F 38 37', 'Vdq,Wdq', 'PCMPGTQ'),
  simdRow('sse4_string', 'sse4_2', '66 0F 3A 60', 'Vdq,Wdq,Ib', 'PCMPESTRM', { size: 'y' }),
  simdRow('sse4_string', 'sse4_2', '66 0F 3A 61', 'Vdq,Wdq,Ib', 'PCMPESTRI', { size: 'y' }),
  simdRow('sse4_string', 'sse4_2', '66 0F 3A 62', 'Vdq,Wdq,Ib', 'PCMPISTRM'),
  simdRow('sse4_string', 'sse4_2', '66 0F 3A 63', 'Vdq,Wdq,Ib', 'PCMPISTRI'),
  simdRow('sse4_integer', 'sse4_2', 'F2 0F 38 F0', 'Gd,Eb', 'CRC32'),
  simdRow('sse4_integer', 'sse4_2', 'F2 0F 38 F1', 'Gd,Ev', 'CRC32'),
];
