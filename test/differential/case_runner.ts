// SPDX-License-Identifier: LGPL-2.1-only
import type { CaseResult, InstructionCase } from './cases/instruction_case.js';

/** Runs cases in the simulated machine. */
export interface CaseRunner {
  /** Makes ready what cases need that run next. */
  prepare?(cases: readonly InstructionCase[]): void;
  run(testCase: InstructionCase): CaseResult;
}
