// SPDX-License-Identifier: LGPL-2.1-only
// Near branches. Semantics: src/machine/cpu/control_flow/flow.ts. In 64-bit mode their operand size is always 64 bits.
import { conditions, hexByte, row, type InstructionRow } from './row.js';

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = [
  ...conditions.map((condition, code) => row(hexByte(0x70 + code), 'Jb', `J${condition}`, { class: 'jcc', hot: true })),
  ...conditions.map((condition, code) =>
    row(`0F ${hexByte(0x80 + code)}`, 'Jz', `J${condition}`, { class: 'jcc', hot: true }),
  ),
  row('E0', 'Jb', 'LOOPNE', { class: 'jcc', size: 'v' }),
  row('E1', 'Jb', 'LOOPE', { class: 'jcc', size: 'v' }),
  row('E2', 'Jb', 'LOOP', { class: 'jcc', size: 'v' }),
  row('E3', 'Jb', 'JCXZ', { class: 'jcc' }),
  row('E9', 'Jz', '', { class: 'jmp', hot: true }),
  row('EB', 'Jb', '', { class: 'jmp', hot: true }),
  row('FF /4', 'Ev', 'JMP_INDIRECT', { class: 'ret', force64: true, memory: 'read', hot: true }),
  row('E8', 'Jz', 'CALL', { class: 'call', stack: true, size: 'v', hot: true }),
  row('FF /2', 'Ev', 'CALL_INDIRECT', { class: 'ret', stack: true, force64: true, memory: 'read', hot: true }),
  row('C3', '', 'RET', { class: 'ret', stack: true, force64: true, size: 'v', hot: true }),
  row('C2', 'Iw', 'RET_RELEASE', { class: 'ret', stack: true, force64: true, size: 'v' }),
  row('EA', 'Ap', 'JMP_FAR', { system: true, file: 'far', mode: 'not64', size: 'v', privileged: true }),
  row('9A', 'Ap', 'CALL_FAR', { system: true, file: 'far', mode: 'not64', size: 'v', privileged: true }),
  row('FF /5', 'Mp', 'JMP_FAR_MEMORY', { system: true, file: 'far', size: 'v', memory: 'read', privileged: true }),
  row('FF /3', 'Mp', 'CALL_FAR_MEMORY', {
    system: true,
    file: 'far',
    stack: true,
    size: 'v',
    memory: 'read',
    privileged: true,
  }),
  row('CB', '', 'RET_FAR', { system: true, file: 'far', stack: true, size: 'v', privileged: true }),
  row('CA', 'Iw', 'RET_FAR_IMM', { system: true, file: 'far', stack: true, size: 'v', privileged: true }),
  row('CF', '', 'IRET', { system: true, file: 'far', stack: true, size: 'v', privileged: true }),
  row('CC', '', 'INT3', { system: true, file: 'far', privileged: true }),
  row('CD', 'Ib', 'INT', { system: true, file: 'far', privileged: true }),
  row('CE', '', 'INTO', { system: true, file: 'far', mode: 'not64', privileged: true }),
  row('F1', '', 'INT1', { system: true, file: 'far', privileged: true }),
];
