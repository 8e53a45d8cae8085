// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { resolve } from 'node:path';
import type { CaseRunner } from './case_runner.js';
import { CompiledCoreRunner } from './compiled_core_runner.js';
import { CoreRunner } from './core_runner.js';
import { Differential, type DifferentialOptions, type DifferentialResult } from './differential.js';
import { formCoverage, type CodeBits } from './cases/form_choice.js';
import { checkSegments, findHost, referenceOrSkip, type Host } from './host/host.js';
import { instructionTable } from './cases/instruction_table.js';
import { NativeOracle } from './host/native_oracle.js';
import { describeFailure } from './report.js';

const root = resolve(import.meta.dirname, '../../..');
const full = process.env['BAREFLANK_FULL'] === '1';
const dataSeed = 20200101;
/** Cases of 64-bit code; of the other two sizes three fourteenths each. */
const caseCount = Number(process.env['BAREFLANK_DIFFERENTIAL_CASES'] ?? (full ? 1_000_000 : 70_000));
/** Which cases: another seed has others, so that slices of a long comparison can run one after another. */
const seed = Number(process.env['BAREFLANK_DIFFERENTIAL_SEED'] ?? 1);

const table = instructionTable(root);
const coverage = {
  64: formCoverage(table.entries, 64),
  32: formCoverage(table.entries, 32),
  16: formCoverage(table.entries, 16),
};

describe('formCoverage', () => {
  it('knows for every form of the table cases, or a reason for having none', () => {
    const sizes = Object.values(coverage);
    const known = new Set(
      sizes.flatMap(({ choices, excluded }) => [...choices.map(({ form }) => form.name), ...excluded.keys()]),
    );
    expect(table.forms.map((form) => form.name).filter((name) => !known.has(name))).to.deep.equal([]);
  });
  it('has cases for 16- and 32-bit forms in code of those sizes', () => {
    const names = new Set([...coverage[16].choices, ...coverage[32].choices].map(({ form }) => form.name));
    for (const name of ['AAA() decimal', 'POPA<u32,u16>() stack', 'CALL<u32,u32>(next,target) call flow'])
      expect(names.has(name), name).to.equal(true);
  });
});

describe('The processor core against this machine’s processor', function () {
  this.timeout(Math.max(240_000, 3 * caseCount));
  let host: Host;
  let core: CoreRunner;

  before(async function () {
    const found = referenceOrSkip(() => findHost(() => NativeOracle.build(root), dataSeed));
    if (!found) this.skip();
    host = found;
    core = await CoreRunner.create(dataSeed);
  });

  /** Compares, and looks that everything was compared. */
  function agree(bits: CodeBits, options: DifferentialOptions, runner: CaseRunner = core): DifferentialResult {
    const { choices } = coverage[bits];
    const result = new Differential(host, runner, choices, dataSeed, options).run();
    const failures = result.failures.map((failure) => describeFailure(failure.testCase, failure.differences));
    expect(failures, `\n${failures.join('\n\n')}\n`).to.have.length(0);
    const without = choices.filter((choice) => !result.casesPerForm.get(choice.form.name));
    expect(without.map((choice) => choice.form.name)).to.deep.equal([]);
    expect(result.cases).to.equal(options.cases);
    expect(result.unsteady, 'native results that could not be had again').to.be.lessThan(options.cases / 1000);
    return result;
  }

  function expectExceptions(result: DifferentialResult, vectors: readonly number[]): void {
    const enough = Math.min(10, result.cases / 1500);
    for (const vector of vectors)
      expect(result.exceptions.get(vector), `exceptions of vector ${vector}`).to.be.greaterThan(enough);
  }

  it('agrees on single instructions, traps and short sequences of 64-bit code', () => {
    const result = agree(64, { cases: caseCount, seed, sequences: 0.2, traps: 0.04 });
    expectExceptions(result, [0, 1, 3, 12, 13, 14]);
  });

  it('agrees on 64-bit code in compiled regions', async () => {
    const cases = Math.ceil(caseCount / 5);
    const compiled = await CompiledCoreRunner.create(dataSeed);
    agree(64, { cases, seed: seed + 1000, sequences: 0.2, traps: 0.04 }, compiled);
    expect(compiled.compiled / cases, 'cases whose regions executed something').to.be.greaterThan(0.5);
  });

  for (const bits of [32, 16] as const)
    it(`agrees on ${bits}-bit code with segments, traps and alignment checks`, function () {
      const hasSegments = referenceOrSkip(() => {
        checkSegments(host, dataSeed);
        return true;
      });
      if (!hasSegments) this.skip();
      const cases = Math.ceil((3 * caseCount) / 14);
      const result = agree(bits, { cases, seed: seed - 1 + bits, sequences: 0.1, traps: 0.06, alignmentChecks: 0.06 });
      expectExceptions(result, [0, 1, 3, 12, 13, 14, 17]);
      // They are rare: a few among the cases of `npm test`.
      if (cases >= 14_000) expect(result.exceptions.get(11), 'segments that are not there').to.be.greaterThan(0);
    });
});
