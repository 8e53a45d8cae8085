// SPDX-License-Identifier: LGPL-2.1-only
// x87 instructions, opcodes D8–DF and 9B. Semantics: src/machine/cpu/x87/x87_*.ts.
import { hexByte, row, type InstructionRow, type RowOptions } from './row.js';

function x87(
  file: string,
  opcode: string,
  operands: string,
  semantics: string,
  options: RowOptions = {},
): InstructionRow {
  return row(opcode, operands, semantics, {
    file: `x87_${file}`,
    feature: 'fpu',
    noTemplate: 'x87 registers move with TOP',
    ...options,
  });
}

/** The eight operations of D8, in the order of ModRM.reg; the compares are in another file. */
const operations = ['FADD', 'FMUL', 'FCOM', 'FCOMP', 'FSUB', 'FSUBR', 'FDIV', 'FDIVR'] as const;

function operation(name: string, digit: number): InstructionRow[] {
  const file = name.startsWith('FCOM') ? 'compare' : 'arithmetic',
    integer = name.replace('F', 'FI');
  return [
    x87(file, `D8 /${digit}`, 'Md', `${name}32`, { memory: 'read' }),
    x87(file, `DC /${digit}`, 'Mq', `${name}64`, { memory: 'read' }),
    x87(file, `DA /${digit}`, 'Md', `${integer}32`, { memory: 'read' }),
    x87(file, `DE /${digit}`, 'Mw', `${integer}16`, { memory: 'read' }),
    x87(file, `D8 ${hexByte(0xc0 + digit * 8)}+`, 'ST(0),ST(i)', name),
  ];
}

/** DC and DE register forms: ModRM E0 is FSUBR, E8 FSUB, F0 FDIVR, F8 FDIV (the reverse of D8). */
const reversed = [
  ['C0', 'FADD'],
  ['C8', 'FMUL'],
  ['E0', 'FSUBR'],
  ['E8', 'FSUB'],
  ['F0', 'FDIVR'],
  ['F8', 'FDIV'],
] as const;

/** FCMOVcc: [opcode, ModRM, condition]. */
const moves = [
  ['DA', 'C0', 'B'],
  ['DA', 'C8', 'E'],
  ['DA', 'D0', 'BE'],
  ['DA', 'D8', 'U'],
  ['DB', 'C0', 'NB'],
  ['DB', 'C8', 'NE'],
  ['DB', 'D0', 'NBE'],
  ['DB', 'D8', 'NU'],
] as const;

/** Memory operands of D9, DB, DD, DF: [encoding, operand, semantics, file, is it read?]. */
const memory = [
  ['D9 /0', 'Md', 'FLD32', 'data', true],
  ['D9 /2', 'Md', 'FST32', 'data', false],
  ['D9 /3', 'Md', 'FSTP32', 'data', false],
  ['DD /0', 'Mq', 'FLD64', 'data', true],
  ['DD /2', 'Mq', 'FST64', 'data', false],
  ['DD /3', 'Mq', 'FSTP64', 'data', false],
  ['DB /0', 'Md', 'FILD32', 'data', true],
  ['DB /1', 'Md', 'FISTTP32', 'data', false],
  ['DB /2', 'Md', 'FIST32', 'data', false],
  ['DB /3', 'Md', 'FISTP32', 'data', false],
  ['DF /0', 'Mw', 'FILD16', 'data', true],
  ['DF /1', 'Mw', 'FISTTP16', 'data', false],
  ['DF /2', 'Mw', 'FIST16', 'data', false],
  ['DF /3', 'Mw', 'FISTP16', 'data', false],
  ['DF /5', 'Mq', 'FILD64', 'data', true],
  ['DD /1', 'Mq', 'FISTTP64', 'data', false],
  ['DF /7', 'Mq', 'FISTP64', 'data', false],
  ['D9 /5', 'Mw', 'FLDCW', 'control', true],
  ['D9 /7', 'Mw', 'FNSTCW', 'control', false],
  ['DD /7', 'Mw', 'FNSTSW', 'control', false],
] as const;

/** Exact encodings without operands: [encoding, semantics, file]. */
const exact = [
  ['D9 D0', 'FNOP', 'data'],
  ['D9 E0', 'FCHS', 'arithmetic'],
  ['D9 E1', 'FABS', 'arithmetic'],
  ['D9 E4', 'FTST', 'compare'],
  ['D9 E5', 'FXAM', 'compare'],
  ['D9 E8', 'FLD1', 'data'],
  ['D9 E9', 'FLDL2T', 'data'],
  ['D9 EA', 'FLDL2E', 'data'],
  ['D9 EB', 'FLDPI', 'data'],
  ['D9 EC', 'FLDLG2', 'data'],
  ['D9 ED', 'FLDLN2', 'data'],
  ['D9 EE', 'FLDZ', 'data'],
  ['D9 F4', 'FXTRACT', 'arithmetic'],
  ['D9 F5', 'FPREM1', 'arithmetic'],
  ['D9 F6', 'FDECSTP', 'data'],
  ['D9 F7', 'FINCSTP', 'data'],
  ['D9 F8', 'FPREM', 'arithmetic'],
  ['D9 FA', 'FSQRT', 'arithmetic'],
  ['D9 FC', 'FRNDINT', 'arithmetic'],
  ['D9 FD', 'FSCALE', 'arithmetic'],
  ['D9 F0', 'F2XM1', 'transcendental'],
  ['D9 F1', 'FYL2X', 'transcendental'],
  ['D9 F2', 'FPTAN', 'transcendental'],
  ['D9 F3', 'FPATAN', 'transcendental'],
  ['D9 F9', 'FYL2XP1', 'transcendental'],
  ['D9 FB', 'FSINCOS', 'transcendental'],
  ['D9 FE', 'FSIN', 'transcendental'],
  ['D9 FF', 'FCOS', 'transcendental'],
  ['DA E9', 'FUCOMPP', 'compare'],
  ['DE D9', 'FCOMPP', 'compare'],
  ['DB E0', 'FNOOP', 'control'],
  ['DB E1', 'FNOOP', 'control'],
  ['DB E4', 'FNOOP', 'control'],
  ['DB E2', 'FNCLEX', 'control'],
  ['DB E3', 'FNINIT', 'control'],
  ['DF E0', 'FNSTSWAX', 'control'],
] as const;

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = [
  ...operations.flatMap(operation),
  ...reversed.flatMap(([modrm, name]) => [
    x87('arithmetic', `DC ${modrm}+`, 'ST(i),ST(0)', `${name}i`),
    x87('arithmetic', `DE ${modrm}+`, 'ST(i),ST(0)', `${name}P`),
  ]),
  ...moves.map(([opcode, modrm, condition]) =>
    x87('compare', `${opcode} ${modrm}+`, 'ST(0),ST(i)', `FCMOV${condition}`),
  ),
  ...memory.map(([opcode, operand, semantics, file, isRead]) =>
    x87(file, opcode, operand, semantics, { memory: isRead ? 'read' : 'write' }),
  ),
  ...exact.map(([opcode, semantics, file]) => x87(file, opcode, '', semantics)),
  x87('data', 'DB /5', 'M', 'FLD80', { memory: 'read', bytes: 10 }),
  x87('data', 'DB /7', 'M', 'FSTP80', { bytes: 10 }),
  x87('data', 'DF /4', 'M', 'FBLD', { memory: 'read', bytes: 10 }),
  x87('data', 'DF /6', 'M', 'FBSTP', { bytes: 10 }),
  x87('control', 'D9 /4', 'M', 'FLDENV', { size: 'z', memory: 'read', bytes: 28 }),
  x87('control', 'D9 /6', 'M', 'FNSTENV', { size: 'z', bytes: 28 }),
  x87('control', 'DD /4', 'M', 'FRSTOR', { size: 'z', memory: 'read', bytes: 108 }),
  x87('control', 'DD /6', 'M', 'FNSAVE', { size: 'z', bytes: 108 }),
  x87('data', 'D9 C0+', 'ST(i)', 'FLD'),
  x87('data', 'D9 C8+', 'ST(i)', 'FXCH'),
  x87('data', 'DD C0+', 'ST(i)', 'FFREE'),
  x87('data', 'DD D0+', 'ST(i)', 'FST'),
  x87('data', 'DD D8+', 'ST(i)', 'FSTP'),
  x87('compare', 'DD E0+', 'ST(i)', 'FUCOM'),
  x87('compare', 'DD E8+', 'ST(i)', 'FUCOMP'),
  x87('compare', 'DB E8+', 'ST(0),ST(i)', 'FUCOMI'),
  x87('compare', 'DB F0+', 'ST(0),ST(i)', 'FCOMI'),
  x87('compare', 'DF E8+', 'ST(0),ST(i)', 'FUCOMIP'),
  x87('compare', 'DF F0+', 'ST(0),ST(i)', 'FCOMIP'),
  // encodings that the opcode map leaves out and every processor executes as their twins
  x87('compare', 'DC D0+', 'ST(i)', 'FCOM'),
  x87('compare', 'DC D8+', 'ST(i)', 'FCOMP'),
  x87('compare', 'DE D0+', 'ST(i)', 'FCOMP'),
  x87('data', 'D9 D8+', 'ST(i)', 'FSTPNCE'),
  x87('data', 'DD C8+', 'ST(i)', 'FXCH'),
  x87('data', 'DF C0+', 'ST(i)', 'FFREEP'),
  x87('data', 'DF C8+', 'ST(i)', 'FXCH'),
  x87('data', 'DF D0+', 'ST(i)', 'FSTP'),
  x87('data', 'DF D8+', 'ST(i)', 'FSTP'),
  x87('control', '9B', '', 'FWAIT'),
];
