// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Agreement } from '../agreement.js';
import { formCoverage } from '../cases/form_choice.js';
import { instructionTable } from '../cases/instruction_table.js';
import type { CaseRunner } from '../case_runner.js';
import { CompiledCoreRunner } from '../compiled_core_runner.js';
import { CoreRunner } from '../core_runner.js';
import { describeFailure } from '../report.js';
import { decodeVectors, type RecordedVectors } from './vector_file.js';

const root = resolve(import.meta.dirname, '../../../..');
const folder = join(root, 'test/differential/vectors');
const mostFailures = 20;

for (const name of readdirSync(folder).filter((file) => file.endsWith('.vectors')))
  describe(`The processor core against recorded vectors: ${name}`, function () {
    this.timeout(120_000);
    let vectors: RecordedVectors;
    before(() => {
      vectors = decodeVectors(readFileSync(join(folder, name)));
    });

    function agree(core: CaseRunner): void {
      core.prepare?.(vectors.cases);
      const agreement = new Agreement(core, vectors.quirks, vectors.dataSeed);
      const failures: string[] = [];
      vectors.cases.forEach((testCase, i) => {
        if (failures.length >= mostFailures) return;
        const found = agreement.differing(testCase, vectors.results[i]!);
        if (found.length > 0) failures.push(describeFailure(testCase, found));
      });
      expect(failures, `\n${vectors.processor.brand}, ${vectors.system}\n${failures.join('\n\n')}\n`).to.have.length(0);
    }

    it('agrees with the processor', async () => agree(await CoreRunner.create(vectors.dataSeed)));
    it('agrees with it in compiled regions', async () => {
      const compiled = await CompiledCoreRunner.create(vectors.dataSeed);
      agree(compiled);
      const wide = vectors.cases.filter(({ segments }) => segments === undefined).length;
      expect(compiled.compiled / wide, 'cases of 64-bit code whose regions executed something').to.be.greaterThan(0.5);
    });
    it('has cases for all forms of the table except a few newer ones', () => {
      const recorded = new Set(vectors.cases.flatMap(({ instructions }) => instructions.map(({ form }) => form)));
      const { entries } = instructionTable(root);
      const choices = ([64, 32, 16] as const).flatMap((bits) => formCoverage(entries, bits).choices);
      const missing = choices.map(({ form }) => form.name).filter((form) => !recorded.has(form));
      expect(missing, `record the vectors again: ${missing.join(' ')}`).to.have.length.below(choices.length / 50);
    });
    it('has many cases and exceptions, and the processor’s name', () => {
      expect(vectors.cases).to.have.length.above(19_000);
      expect(vectors.results).to.have.length(vectors.cases.length);
      for (const vector of [0, 1, 3, 12, 13, 14, 17])
        expect(vectors.results.filter((result) => result.vector === vector)).to.have.length.above(10);
      expect(vectors.processor.brand).to.match(/\w/);
      expect(vectors.system).to.match(/\w/);
    });
  });
