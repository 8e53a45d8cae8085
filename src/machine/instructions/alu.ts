// SPDX-License-Identifier: LGPL-2.1-only
// Binary arithmetic and logic. Semantics: src/machine/cpu/integer/alu.ts.
import { hexByte, row, type InstructionRow } from './row.js';

/** The eight operations of opcodes 00–3F and of group 1, in the order of ModRM.reg. */
const operations = ['ADD', 'OR', 'ADC', 'SBB', 'AND', 'SUB', 'XOR', 'CMP'] as const;

/** The seven encodings of one of them; CMP writes nothing, so it takes no LOCK. */
function operation(name: string, index: number): InstructionRow[] {
  const lock = name !== 'CMP',
    at = (offset: number) => hexByte(index * 8 + offset);
  const hot = name !== 'ADC' && name !== 'SBB',
    hotByte = name === 'CMP';
  return [
    row(at(0), 'Eb,Gb', name, { lock, hot: hotByte }),
    row(at(1), 'Ev,Gv', name, { lock, hot }),
    row(at(2), 'Gb,Eb', name, { hot: hotByte }),
    row(at(3), 'Gv,Ev', name, { hot }),
    row(at(4), 'AL,Ib', name),
    row(at(5), 'rAX,Iz', name),
    row(`80 /${index}`, 'Eb,Ib', name, { lock, hot: hotByte }),
    row(`81 /${index}`, 'Ev,Iz', name, { lock, hot }),
    row(`82 /${index}`, 'Eb,Ib', name, { lock, mode: 'not64' }),
    row(`83 /${index}`, 'Ev,sIb', name, { lock, hot }),
  ];
}

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = [
  ...operations.flatMap(operation),
  row('84', 'Eb,Gb', 'TEST', { hot: true }),
  row('85', 'Ev,Gv', 'TEST', { hot: true }),
  row('A8', 'AL,Ib', 'TEST'),
  row('A9', 'rAX,Iz', 'TEST'),
  row('F6 /0', 'Eb,Ib', 'TEST', { hot: true }),
  row('F6 /1', 'Eb,Ib', 'TEST'),
  row('F7 /0', 'Ev,Iz', 'TEST', { hot: true }),
  row('F7 /1', 'Ev,Iz', 'TEST'),
  row('F6 /2', 'Eb', 'NOT', { lock: true }),
  row('F7 /2', 'Ev', 'NOT', { lock: true }),
  row('F6 /3', 'Eb', 'NEG', { lock: true }),
  row('F7 /3', 'Ev', 'NEG', { lock: true }),
  row('40+', 'Zv', 'INC', { mode: 'not64' }),
  row('48+', 'Zv', 'DEC', { mode: 'not64' }),
  row('FE /0', 'Eb', 'INC', { lock: true }),
  row('FE /1', 'Eb', 'DEC', { lock: true }),
  row('FF /0', 'Ev', 'INC', { lock: true, hot: true }),
  row('FF /1', 'Ev', 'DEC', { lock: true, hot: true }),
  row('66 0F 38 F6', 'Gy,Ey', 'ADCX', { feature: 'adx' }),
  row('F3 0F 38 F6', 'Gy,Ey', 'ADOX', { feature: 'adx' }),
];
