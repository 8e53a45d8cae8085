// SPDX-License-Identifier: LGPL-2.1-only
import type { CaseResult, InstructionCase } from './cases/instruction_case.js';
import { differences } from './comparison.js';
import type { CoreRunner } from './core_runner.js';
import { Expectation } from './host/expectation.js';
import type { HostQuirks } from './host/host_quirks.js';

/** Whether the core and a host agree on a case. */
export class Agreement {
  private readonly expectation: Expectation;

  /** @param seed of the data pages, the one that the core runner was made with. */
  constructor(
    private readonly core: CoreRunner,
    quirks: HostQuirks,
    seed: number,
  ) {
    this.expectation = new Expectation(quirks, (testCase) => core.run(testCase), seed);
  }

  /** What differs from the result of a host: one line each, empty when the core agrees with one of the results that the host may show. */
  differing(testCase: InstructionCase, native: CaseResult): string[] {
    let first: string[] | undefined;
    for (const expected of this.expectation.of(testCase, this.core.run(testCase))) {
      const found = differences(testCase, native, expected);
      if (found.length === 0) return found;
      first ??= found;
    }
    return first!;
  }
}
