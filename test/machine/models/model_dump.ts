// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../src/driver/node/package_paths.js';
import type { ProcessorModel } from '../../../src/machine/models/processor_model.js';

/** The registers of a leaf. */
export const registers = ['eax', 'ebx', 'ecx', 'edx'] as const;

/** What a model's words may have that the dump of the real processor has not. */
export interface Differences {
  /** Words of features, by name (`1.0.ecx`, `msr 482`): the model announces a part of what the real processor announces, and these bits in addition. */
  readonly features: Readonly<Record<string, bigint>>;
  /** Words with other values, by reason. */
  readonly others: Readonly<Record<string, readonly string[]>>;
  /** MSRs that the dump lacks. */
  readonly notInDump: readonly string[];
}

/** The dump of the real processor: `1.0.ecx` and `msr 480` by name. */
function readDump({ dump }: ProcessorModel): Map<string, bigint> {
  const text = readFileSync(join(packageRoot, 'src', 'machine', 'models', dump), 'utf8');
  const values = new Map<string, bigint>();
  for (const line of text.split('\n')) {
    const [kind, at, ...rest] = line.split(' ');
    const key = Number.parseInt(at ?? '', 16).toString(16);
    if (kind === 'msr') values.set(`msr ${key}`, BigInt(`0x${rest[0]}`));
    if (kind !== 'cpuid') continue;
    registers.forEach((name, i) => values.set(`${key}.${rest[0]}.${name}`, BigInt(`0x${rest[i + 1]}`)));
  }
  return values;
}

/** The same of the model. A leaf without subleaf, of which the dump has several, answers for the others. */
function readModel(model: ProcessorModel, dump: ReadonlyMap<string, bigint>): Map<string, bigint> {
  const values = new Map<string, bigint>();
  for (const leaf of model.cpuid) {
    const key = leaf.leaf.toString(16);
    if (leaf.subleaf === undefined && dump.has(`${key}.1.eax`)) continue;
    for (const name of registers) values.set(`${key}.${leaf.subleaf ?? 0}.${name}`, BigInt(leaf[name]));
  }
  for (const { address, value } of model.msrs) values.set(`msr ${address.toString(16)}`, value);
  return values;
}

/** Specs that compare a model with its dump. */
export function compareWithDump(model: ProcessorModel, { features, others, notInDump }: Differences): void {
  const dump = readDump(model);
  const values = readModel(model, dump);

  it('has only words that the dump has, except for some MSRs', () => {
    expect([...values.keys()].filter((key) => !dump.has(key)).sort()).to.deep.equal([...notInDump].sort());
  });

  it('announces a part of the features of the processor that it is modelled after', () => {
    for (const [key, ahead] of Object.entries(features))
      expect(values.get(key)! & ~dump.get(key)!, key).to.equal(ahead);
  });

  it('differs from the dump in the listed words, and in no other', () => {
    const different = [...values]
      .filter(([key, value]) => dump.has(key) && dump.get(key) !== value)
      .map(([key]) => key);
    const listed = [...Object.keys(features), ...Object.values(others).flat()];
    expect(different.sort()).to.deep.equal(listed.sort());
  });
}
