// SPDX-License-Identifier: LGPL-2.1-only
import type { CaseResult, InstructionCase } from '../cases/instruction_case.js';

/** A processor that the core is compared with. */
export interface ReferenceProcessor {
  /** Runs cases; `seed` fills the data pages. */
  run(cases: readonly InstructionCase[], seed: number): CaseResult[];
}
