// SPDX-License-Identifier: LGPL-2.1-only
import type { CaseResult, InstructionCase } from './cases/instruction_case.js';
import { isLongCode } from './cases/far_target.js';
import { differences } from './comparison.js';
import type { CaseRunner } from './case_runner.js';
import { Expectation } from './host/expectation.js';
import type { HostQuirks } from './host/host_quirks.js';

/** Whether the core and a host agree on a case. */
export class Agreement {
  private readonly expectation: Expectation;

  /** @param seed of the data pages, the one that the core runner was made with. */
  constructor(
    private readonly core: CaseRunner,
    quirks: HostQuirks,
    seed: number,
  ) {
    this.expectation = new Expectation(quirks, (testCase) => core.run(testCase), seed);
  }

  /** What differs from the result of a host: one line each, empty when the core agrees with one of the results that the host may show. */
  differing(testCase: InstructionCase, native: CaseResult): string[] {
    let first: string[] | undefined;
    this.core.prepare?.([testCase]);
    const core = this.core.run(testCase);
    if (callsLongCode(testCase, core)) return [];
    for (const expected of this.expectation.of(testCase, core)) {
      const found = differences(testCase, native, expected);
      if (found.length === 0) return found;
      first ??= found;
    }
    return first!;
  }
}

/** A far CALL from 16- or 32-bit code into 64-bit code: AMD processors push with the flat stack of the new mode already, so nothing can be compared. */
function callsLongCode({ segments, instructions }: InstructionCase, { selectors }: CaseResult): boolean {
  if (segments === undefined || !instructions.some(({ semantics }) => semantics.startsWith('CALL_FAR'))) return false;
  return isLongCode(selectors?.[0] ?? 0);
}
