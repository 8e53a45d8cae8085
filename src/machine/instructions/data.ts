// SPDX-License-Identifier: LGPL-2.1-only
// Data transfer, flag control and miscellaneous. Semantics: src/machine/cpu/integer/data.ts.
import { hexByte, row, type InstructionRow } from './row.js';

/** The opcodes 0F 18 … 0F 1F that processors of this model execute as NOP (prefetch hints, ENDBRANCH, the multi-byte NOP itself). */
const reservedNops = Array.from({ length: 8 }, (_, i) =>
  row(`0F ${hexByte(0x18 + i)}`, 'Ev', 'HINT', { hot: i === 7, memory: 'read' }),
);

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = [
  row('88', 'Eb,Gb', 'MOV', { hot: true }),
  row('89', 'Ev,Gv', 'MOV', { hot: true }),
  row('8A', 'Gb,Eb', 'MOV', { hot: true }),
  row('8B', 'Gv,Ev', 'MOV', { hot: true }),
  row('A0', 'AL,Ob', 'MOV'),
  row('A1', 'rAX,Ov', 'MOV'),
  row('A2', 'Ob,AL', 'MOV'),
  row('A3', 'Ov,rAX', 'MOV'),
  row('B0+', 'Zb,Ib', 'MOV', { hot: true }),
  row('B8+', 'Zv,Iv', 'MOV', { hot: true }),
  row('C6 /0', 'Eb,Ib', 'MOV', { hot: true }),
  row('C7 /0', 'Ev,Iz', 'MOV', { hot: true }),
  row('0F B6', 'Gv,Eb', 'MOVZX', { hot: true }),
  row('0F B7', 'Gv,Ew', 'MOVZX', { hot: true }),
  row('0F BE', 'Gv,Eb', 'MOVSX', { hot: true }),
  row('0F BF', 'Gv,Ew', 'MOVSX'),
  row('63', 'Gv,Ev', 'MOVSXD', { mode: 'only64', hot: true }),
  // F3 here is #UD, and F2 is CRC32
  ...['NP', '66'].flatMap((prefix) => [
    row(`${prefix} 0F 38 F0`, 'Gv,Mv', 'MOVBE', { feature: 'movbe' }),
    row(`${prefix} 0F 38 F1`, 'Mv,Gv', 'MOVBE', { feature: 'movbe' }),
  ]),
  row('8D', 'Gv,M', 'LEA', { hot: true, address: 'offset' }),
  row('86', 'Eb,Gb', 'XCHG', { lock: true }),
  row('87', 'Ev,Gv', 'XCHG', { lock: true }),
  // 90 without REX.B is NOP: it does not zero-extend RAX as XCHG EAX, EAX would. SDM 2B "NOP—No Operation".
  row('90', '', '', { hot: true }),
  row('90+', 'Zv,rAX', 'XCHG'),
  row('0F C0', 'Eb,Gb', 'XADD', { lock: true }),
  row('0F C1', 'Ev,Gv', 'XADD', { lock: true }),
  row('0F B0', 'Eb,Gb', 'CMPXCHG', { lock: true }),
  row('0F B1', 'Ev,Gv', 'CMPXCHG', { lock: true, hot: true }),
  row('0F C7 /1', 'My', 'CMPXCHG8B', { lock: true, bytes: 16 }),
  row('0F C8+', 'Zv', 'BSWAP'),
  row('98', '', 'CBW', { size: 'v', hot: true }),
  row('99', '', 'CWD', { size: 'v', hot: true }),
  row('9F', '', 'LAHF'),
  row('9E', '', 'SAHF'),
  row('F8', '', 'CLC'),
  row('F9', '', 'STC'),
  row('F5', '', 'CMC'),
  row('FC', '', 'CLD'),
  row('FD', '', 'STD'),
  row('D6', '', 'SALC', { mode: 'not64' }),
  row('D7', 'Xb', 'XLAT'),
  row('62', 'Gv,Ma', 'BOUND', { mode: 'not64' }),
  ...reservedNops,
  row('0F 0D', 'Mv', 'PREFETCH'),
  row('0F 0D', 'Rv', 'HINT'),
  row('NP 0F AE /7', 'Mb', 'CLFLUSH', { memory: 'read' }),
  row('66 0F AE /7', 'Mb', 'CLFLUSH', { memory: 'read', feature: 'clflushopt' }),
  row('NP 0F AE /5', 'Rd', 'FENCE'),
  row('NP 0F AE /6', 'Rd', 'FENCE'),
  row('NP 0F AE /7', 'Rd', 'FENCE'),
];
