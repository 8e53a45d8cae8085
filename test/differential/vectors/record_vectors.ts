// SPDX-License-Identifier: LGPL-2.1-only
import { release, type } from 'node:os';
import { CaseGenerator, type CaseOptions } from '../cases/case_generator.js';
import { formCoverage, type CodeBits } from '../cases/form_choice.js';
import { pooledStates } from '../cases/initial_state.js';
import { instructionTable } from '../cases/instruction_table.js';
import { SeededRandom } from '../cases/seeded_random.js';
import { checkSegments, findHost } from '../host/host.js';
import { NativeOracle } from '../host/native_oracle.js';
import { encodeVectors, VECTOR_BATCH, type RecordedBatch } from './vector_file.js';

/** States that the cases share, for a small file. */
const POOL = 64;
const dataSeed = 20200101;

/** Vectors as a file, and its name. */
export interface Recording {
  readonly name: string;
  readonly file: Buffer;
  /** Cases in it. Those for which the processor gave two results were left out. */
  readonly recorded: number;
}

/** The share of cases by code size: three fifths are 64-bit code, the rest is 32- and 16-bit code. */
const shares: readonly (CaseShares & { readonly bits: CodeBits; readonly share: number })[] = [
  { bits: 64, share: 0.6, sequences: 0.2, traps: 0.04 },
  { bits: 32, share: 0.2, sequences: 0.1, traps: 0.06, alignmentChecks: 0.06 },
  { bits: 16, share: 0.2, sequences: 0.1, traps: 0.06, alignmentChecks: 0.06 },
];
type CaseShares = Pick<CaseOptions, 'sequences' | 'traps' | 'alignmentChecks'>;

/**
 * Records what this machine's processor does. Nothing is compared with the core.
 * @param root the package's folder.
 * @throws NoReferenceError when there is no processor to record, or no LDT for 16- and 32-bit code.
 */
export function recordVectors(root: string, count: number, seed: number): Recording {
  const oracle = NativeOracle.build(root);
  const host = findHost(() => oracle, dataSeed);
  checkSegments(host, dataSeed);
  const { name, quirks } = host;
  const { entries } = instructionTable(root);
  const batches = shares.flatMap(({ bits, share, ...others }) => {
    const states = pooledStates(new SeededRandom(seed), POOL);
    const options = { ...others, seed: seed + bits, vendor: quirks.vendor, states };
    const generator = new CaseGenerator(formCoverage(entries, bits).choices, options);
    return recordBatches(oracle, generator, Math.round(count * share));
  });
  return {
    name: `${quirks.vendor}_family_${hex(name.family)}_model_${hex(name.model)}.vectors`.toLowerCase(),
    file: encodeVectors({ processor: name, system: `${type()} ${release()}`, quirks, dataSeed }, batches),
    recorded: batches.reduce((sum, { cases }) => sum + cases.length, 0),
  };
}

/** Results of so many cases, without those for which the processor gave two results. */
function recordBatches(oracle: NativeOracle, generator: CaseGenerator, count: number): RecordedBatch[] {
  return Array.from({ length: Math.ceil(count / VECTOR_BATCH) }, (_, i) => {
    const made = generator.take(Math.min(VECTOR_BATCH, count - i * VECTOR_BATCH));
    const [first, second] = [oracle.run(made, dataSeed), oracle.run(made, dataSeed)];
    const isSteady = made.map((_, at) => isSame(first[at], second[at]));
    return { cases: made.filter((_, at) => isSteady[at]), results: second.filter((_, at) => isSteady[at]) };
  });
}

const hex = (value: number): string => `${value.toString(16).padStart(2, '0')}h`;

function isSame(one: unknown, other: unknown): boolean {
  const text = (value: unknown): string =>
    JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? part.toString() : part));
  return text(one) === text(other);
}
