// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';

type Verdict = (code: number | null, debugExit: number | null | undefined, failures: number) => string;

const { verdict } = (await import(new URL('../../../scripts/kvm_unit_tests/verdict.mjs', import.meta.url).href)) as {
  verdict: Verdict;
};

describe('The verdict on a suite of kvm-unit-tests', () => {
  const cases: [string, Parameters<Verdict>, string][] = [
    ['0 and no FAIL line', [0, 0, 0], 'PASS'],
    ['0 and a FAIL line', [0, 0, 1], 'FAIL'],
    ['1, the status of a failed suite', [1, 1, 0], 'FAIL'],
    ['38, which is 77 shifted', [38, 38, 0], 'SKIP'],
    ['63, which is 127 shifted', [63, 63, 0], 'ABORT'],
    ['77, which no suite writes for "skipped"', [77, 77, 0], 'FAIL'],
    ['nothing, and the time is over', [124, null, 0], 'TIMEOUT'],
    ['nothing, and the machine is dead', [3, null, 0], 'DEAD'],
    ['nothing, and there is no report', [1, undefined, 0], 'ERROR'],
  ];
  for (const [what, outcome, expected] of cases) {
    it(`is ${expected} for ${what}`, () => {
      expect(verdict(...outcome)).to.equal(expected);
    });
  }
});
