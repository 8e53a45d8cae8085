// SPDX-License-Identifier: LGPL-2.1-only
import type { InstructionRow } from '../instructions/row.js';

/** Error of a row, naming it. */
export class InstructionRowError extends Error {
  constructor(topic: string, row: InstructionRow, problem: string) {
    super(
      `src/machine/instructions, ${topic}.ts: row('${row.opcode}', '${row.operands.join(',')}', '${row.semantics}'): ${problem}`,
    );
    this.name = 'InstructionRowError';
  }
}
