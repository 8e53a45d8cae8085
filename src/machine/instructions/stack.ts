// SPDX-License-Identifier: LGPL-2.1-only
// Stack instructions; those of segment registers and flags are in segment.ts and system.ts. Semantics: src/machine/cpu/integer/stack.ts.
import { row, type InstructionRow } from './row.js';

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = [
  row('50+', 'Zv', 'PUSH', { stack: true, default64: true, hot: true }),
  row('58+', 'Zv', 'POP', { stack: true, default64: true, hot: true }),
  row('FF /6', 'Ev', 'PUSH', { stack: true, default64: true, memory: 'read' }),
  row('8F /0', 'Ev', 'POP', { stack: true, default64: true, incrementedStack: true }),
  row('68', 'Iz', 'PUSH', { stack: true, size: 'v', default64: true, hot: true }),
  row('6A', 'sIb', 'PUSH', { stack: true, size: 'v', default64: true, hot: true }),
  row('60', '', 'PUSHA', { stack: true, size: 'v', mode: 'not64' }),
  row('61', '', 'POPA', { stack: true, size: 'v', mode: 'not64' }),
  row('C8', 'Iw,Ib', 'ENTER', { stack: true, size: 'v', default64: true }),
  row('C9', '', 'LEAVE', { stack: true, size: 'v', default64: true, hot: true }),
];
