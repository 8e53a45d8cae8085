// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { resolve } from 'node:path';
import { CaseGenerator } from './cases/case_generator.js';
import { formCoverage } from './cases/form_choice.js';
import type { CaseResult } from './cases/instruction_case.js';
import { instructionTable } from './cases/instruction_table.js';
import { CompiledCoreRunner } from './compiled_core_runner.js';
import { CoreRunner } from './core_runner.js';
import { describeFailure } from './report.js';

const dataSeed = 20200101;
const batch = 4000;
const batches = process.env['BAREFLANK_FULL'] === '1' ? 60 : 1;
const seed = Number(process.env['BAREFLANK_DIFFERENTIAL_SEED'] ?? 1);

/** The parts of a result that differ. */
function differing(one: CaseResult, other: CaseResult): string[] {
  const text = (value: unknown): string =>
    JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? part.toString() : part)) ?? '';
  const keys = Object.keys(one) as (keyof CaseResult)[];
  return keys
    .filter((key) => text(one[key]) !== text(other[key]))
    .map((key) => `${key}: compiled ${text(one[key])}, interpreted ${text(other[key])}`);
}

describe('CompiledCoreRunner', function () {
  this.timeout(60_000 * batches);

  it('gives each case the result that the interpreter gives, most of them in regions', async () => {
    const { choices } = formCoverage(instructionTable(resolve(import.meta.dirname, '../../..')).entries, 64);
    const generator = new CaseGenerator(choices, { seed: seed + 500, vendor: 'Intel', sequences: 0.2, traps: 0.04 });
    const compiled = await CompiledCoreRunner.create(dataSeed);
    const interpreted = await CoreRunner.create(dataSeed);
    const failures: string[] = [];
    for (let done = 0; done < batches; done++) {
      const cases = generator.take(batch);
      compiled.prepare(cases);
      for (const testCase of cases) {
        const found = differing(compiled.run(testCase), interpreted.run(testCase));
        if (found.length > 0 && failures.length < 10) failures.push(describeFailure(testCase, found));
      }
    }
    expect(failures, `\n${failures.join('\n\n')}\n`).to.have.length(0);
    expect(compiled.compiled / (batch * batches), 'cases whose regions executed something').to.be.greaterThan(0.75);
  });

  it('interprets a case that was not prepared', async () => {
    const { choices } = formCoverage(instructionTable(resolve(import.meta.dirname, '../../..')).entries, 64);
    const [testCase] = new CaseGenerator(choices, { seed, vendor: 'Intel', sequences: 0, traps: 0 }).take(1);
    const [compiled, interpreted] = [await CompiledCoreRunner.create(dataSeed), await CoreRunner.create(dataSeed)];
    expect(differing(compiled.run(testCase!), interpreted.run(testCase!))).to.deep.equal([]);
    expect(compiled.compiled).to.equal(0);
  });
});
