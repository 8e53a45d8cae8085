// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CoreRunner } from './core_runner.js';
import { Differential, type DifferentialResult } from './differential.js';
import { formCoverage } from './form_choice.js';
import { probeHost } from './host_probe.js';
import type { HostQuirks } from './host_quirks.js';
import { instructionTable } from './instruction_table.js';
import { NativeOracle } from './native_oracle.js';
import { describeFailure } from './report.js';

const root = resolve(import.meta.dirname, '../../..');
const full = process.env['BAREFLANK_FULL'] === '1';
const dataSeed = 20200101;

/** Writes what was compared, form by form, beside the helper. */
function writeCoverage(result: DifferentialResult, excluded: ReadonlyMap<string, string>): void {
  const rows = [
    ...[...result.casesPerForm].map(([form, count]) => `${count}\t${form}`),
    ...[...excluded].map(([form, reason]) => `0\t${form}\t${reason}`),
  ];
  writeFileSync(join(root, 'build/differential/cases_per_form.tsv'), `${rows.sort().join('\n')}\n`);
}

describe('The processor core against this machine’s processor', function () {
  this.timeout(full ? 3_600_000 : 240_000);
  const table = instructionTable(root);
  const coverage = formCoverage(table.entries);
  let oracle: NativeOracle;
  let core: CoreRunner;
  let host: HostQuirks;

  before(async function () {
    const built = NativeOracle.build(root);
    if (!built.oracle) {
      if (process.env['CI'] === 'true')
        throw new Error(`the differential test cannot run, and CI must not skip it: ${built.reason}`);
      process.stderr.write(
        `      skipped: ${built.reason}. Install gcc to compare the core with this machine's processor.\n`,
      );
      this.skip();
    }
    oracle = built.oracle;
    host = probeHost(oracle, dataSeed);
    core = await CoreRunner.create(dataSeed);
  });

  function check(result: DifferentialResult): void {
    const failures = result.failures.map((failure) => describeFailure(failure.testCase, failure.differences));
    expect(failures, `\n${failures.join('\n\n')}\n`).to.have.length(0);
  }

  it('knows for every form of the table cases, or a reason for having none', () => {
    const known = new Set([...coverage.choices.map((choice) => choice.form.name), ...coverage.excluded.keys()]);
    expect(table.forms.map((form) => form.name).filter((name) => !known.has(name))).to.deep.equal([]);
  });

  it('agrees on single instructions and short sequences', () => {
    const cases = full ? 10_000_000 : 100_000;
    const result = new Differential(oracle, host, core, coverage.choices, dataSeed, {
      cases,
      seed: 1,
      sequences: 0.2,
    }).run();
    writeCoverage(result, coverage.excluded);
    check(result);
    const without = coverage.choices.filter((choice) => !result.casesPerForm.get(choice.form.name));
    expect(without.map((choice) => choice.form.name)).to.deep.equal([]);
    expect(result.cases).to.equal(cases);
    expect(result.unsteady, 'native results that could not be had again').to.be.lessThan(cases / 1000);
    for (const vector of [0, 3, 12, 13, 14])
      expect(result.exceptions.get(vector), `exceptions of vector ${vector}`).to.be.greaterThan(10);
  });
});
