// SPDX-License-Identifier: LGPL-2.1-only
import { release, type } from 'node:os';
import { CaseGenerator } from '../cases/case_generator.js';
import { formCoverage } from '../cases/form_choice.js';
import { pooledStates } from '../cases/initial_state.js';
import { instructionTable } from '../cases/instruction_table.js';
import { SeededRandom } from '../cases/seeded_random.js';
import { findHost } from '../host/host.js';
import { NativeOracle } from '../host/native_oracle.js';
import { encodeVectors, VECTOR_BATCH, type RecordedBatch } from './vector_file.js';

/** States that the cases share, for a small file. */
const POOL = 64;
const dataSeed = 20200101;

/** Vectors as a file, and its name. */
export interface Recording {
  readonly name: string;
  readonly file: Buffer;
  /** Cases that were left out, because the processor gave two results for them. */
  readonly unsteady: number;
}

/**
 * Records what this machine's processor does. Nothing is compared with the core.
 * @param root the package's folder.
 * @throws NoReferenceError when there is no processor to record.
 */
export function recordVectors(root: string, count: number, seed: number): Recording {
  const oracle = NativeOracle.build(root);
  const { name, quirks } = findHost(() => oracle, dataSeed);
  const { choices } = formCoverage(instructionTable(root).entries);
  const states = pooledStates(new SeededRandom(seed), POOL);
  const generator = new CaseGenerator(choices, { seed, vendor: quirks.vendor, sequences: 0.2, states });
  const batches: RecordedBatch[] = [];
  let unsteady = 0;
  for (let done = 0; done < count; done += VECTOR_BATCH) {
    const made = generator.take(Math.min(VECTOR_BATCH, count - done));
    const [first, second] = [oracle.run(made, dataSeed), oracle.run(made, dataSeed)];
    const steady = made.flatMap((testCase, i) =>
      isSame(first[i], second[i]) ? [{ testCase, result: second[i]! }] : [],
    );
    const cases = steady.map(({ testCase }) => testCase);
    unsteady += made.length - cases.length;
    const results = steady.map(({ result }) => result);
    batches.push({ cases, results });
  }
  return {
    name: `${quirks.vendor}_family_${hex(name.family)}_model_${hex(name.model)}.vectors`.toLowerCase(),
    file: encodeVectors({ processor: name, system: `${type()} ${release()}`, quirks, dataSeed }, batches),
    unsteady,
  };
}

const hex = (value: number): string => `${value.toString(16).padStart(2, '0')}h`;

function isSame(one: unknown, other: unknown): boolean {
  const text = (value: unknown): string =>
    JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? part.toString() : part));
  return text(one) === text(other);
}
