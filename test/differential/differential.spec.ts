// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { resolve } from 'node:path';
import { CoreRunner } from './core_runner.js';
import { Differential, type DifferentialResult } from './differential.js';
import { formCoverage } from './cases/form_choice.js';
import { hostOrSkip, type Host } from './host/host.js';
import { instructionTable } from './cases/instruction_table.js';
import { NativeOracle } from './host/native_oracle.js';
import { describeFailure } from './report.js';

const root = resolve(import.meta.dirname, '../../..');
const full = process.env['BAREFLANK_FULL'] === '1';
const dataSeed = 20200101;

const table = instructionTable(root);
const coverage = formCoverage(table.entries);

describe('formCoverage', () => {
  it('knows for every form of the table cases, or a reason for having none', () => {
    const known = new Set([...coverage.choices.map((choice) => choice.form.name), ...coverage.excluded.keys()]);
    expect(table.forms.map((form) => form.name).filter((name) => !known.has(name))).to.deep.equal([]);
  });
});

describe('The processor core against this machine’s processor', function () {
  this.timeout(full ? 3_600_000 : 240_000);
  let host: Host;
  let core: CoreRunner;

  before(async function () {
    const found = hostOrSkip(() => NativeOracle.build(root), dataSeed);
    if (!found) this.skip();
    host = found;
    core = await CoreRunner.create(dataSeed);
  });

  function check(result: DifferentialResult): void {
    const failures = result.failures.map((failure) => describeFailure(failure.testCase, failure.differences));
    expect(failures, `\n${failures.join('\n\n')}\n`).to.have.length(0);
  }

  it('agrees on single instructions and short sequences', () => {
    const cases = full ? 10_000_000 : 100_000;
    const result = new Differential(host, core, coverage.choices, dataSeed, {
      cases,
      seed: 1,
      sequences: 0.2,
    }).run();
    check(result);
    const without = coverage.choices.filter((choice) => !result.casesPerForm.get(choice.form.name));
    expect(without.map((choice) => choice.form.name)).to.deep.equal([]);
    expect(result.cases).to.equal(cases);
    expect(result.unsteady, 'native results that could not be had again').to.be.lessThan(cases / 1000);
    for (const vector of [0, 3, 12, 13, 14])
      expect(result.exceptions.get(vector), `exceptions of vector ${vector}`).to.be.greaterThan(10);
  });
});
