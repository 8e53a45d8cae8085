// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { Cpuid } from '../../../src/intrinsics/instructions/cpuid.js';
import { cpuidLeafDefinitions, type CpuidLeafDefinition } from '../../../src/intrinsics/registers/cpuid_leaves.js';
import { CpuidAccessorsX64 } from '../../../src/vmm/accessors/cpuid_accessors_x64.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { make } from '../../support/make.js';
import { visitMachine } from './visit_machine.js';
import { accessorOf, faultsOfReading, faultsOfReadOnly, onlyAt, wholeWord } from './walk.js';

const registers = ['eax', 'ebx', 'ecx', 'edx'] as const;
const patterns = [
  [0xa5c33c5a, 0x5a3cc3a5, 0x0f0ff0f0, 0xf0f00f0f],
  [0x5a3cc3a5, 0xa5c33c5a, 0xf0f00f0f, 0x0f0ff0f0],
] as const;

const subleavesOf = (leaf: CpuidLeafDefinition): readonly (number | null)[] =>
  leaf.registers.length === 0 ? [null] : [...new Set(leaf.registers.map(({ subleaf }) => subleaf))];

/** What is wrong with the registers of one leaf or subleaf. @param values what CPUID gives. */
function faultsOf(
  cpuid: object,
  leaf: CpuidLeafDefinition,
  subleaf: number | null,
  values: readonly number[],
): { faults: string[]; fields: number } {
  const faults: string[] = [];
  let count = 0;
  registers.forEach((register, index) => {
    const path = subleaf === null ? `${leaf.name}.${register}` : `${leaf.name}.subleaf${subleaf}.${register}`;
    const word = accessorOf(cpuid, path);
    const value = BigInt(values[index]!);
    faults.push(...faultsOfReading(word, wholeWord(`${leaf.name}.${register}`, 32), 32, value));
    const fields = leaf.registers
      .filter((each) => each.register === register && each.subleaf === subleaf)
      .flatMap((each) => each.fields);
    for (const field of fields) {
      faults.push(
        ...faultsOfReading(accessorOf(word, field.name), field, 32, value).map((fault) => `${path}.${fault}`),
      );
    }
    faults.push(...faultsOfReadOnly(word, fields, path));
    count += fields.length;
  });
  return { faults, fields: count };
}

describe('Every CPUID leaf, register and bit', () => {
  it('is read by CPUID of its leaf and subleaf alone', () => {
    let fields = 0;
    const faults = cpuidLeafDefinitions.flatMap((leaf) =>
      subleavesOf(leaf).flatMap((subleaf) =>
        patterns.flatMap((pattern) => {
          const last = leaf.leaf < 0x80000000 ? 0 : 0x80000000;
          const cpuid: Cpuid = {
            cpuid: (number, sub, result) => {
              // The last leaf of the range, for `exists`.
              if (number === last && sub === 0) result.set([Math.max(pattern[0], leaf.leaf), ...pattern.slice(1)]);
              else onlyAt(`${leaf.leaf}, ${subleaf ?? 0}`, `${number}, ${sub}`);
              if (number !== last) result.set(pattern);
            },
          };
          const isMaximum = leaf.leaf % 0x80000000 === 0;
          const values = isMaximum ? [Math.max(pattern[0], leaf.leaf), ...pattern.slice(1)] : pattern;
          const result = faultsOf(make(CpuidAccessorsX64, { cpuid }), leaf, subleaf, values);
          fields += result.fields;
          return result.faults;
        }),
      ),
    );
    expect(faults).to.deep.equal([]);
    expect(fields).to.be.greaterThan(2 * 130);
  });

  it('exists up to the last leaf of its range', () => {
    const cpuid: Cpuid = { cpuid: (leaf, _subleaf, result) => result.set([leaf === 0 ? 0x14 : 0x80000004, 1, 1, 1]) };
    const accessors = make(CpuidAccessorsX64, { cpuid });
    expect(accessors.extendedState.subleaf0.eax.exists()).to.equal(true);
    expect(accessors.timeStampCounter.eax.exists()).to.equal(false);
    expect(accessors.timeStampCounter.eax.getIfExists()).to.equal(0n);
    expect(accessors.brandString2.edx.exists()).to.equal(true);
    expect(accessors.addrSize.eax.phys.exists()).to.equal(false);
  });

  it('is dumped register by register, with the bits that are 1', () => {
    const { cpuid } = new FakeMachine().accessors;
    expect(cpuid.featureInformation.ecx.dump()).to.match(/^feature_information\.ecx +0x4000020\n {4}vmx\n {4}xsave$/);
    expect(cpuid.extendedFeatureFlags.subleaf0.ebx.dump()).to.match(/\n {4}smep\n {4}smap$/);
    expect(cpuid.extendedState.subleaf0.eax.dump()).to.match(/^extended_state\.eax +0x0$/);
  });

  it('is what CPUID gives on the machine', async () => {
    const faults: string[] = [];
    let ones = 0;
    await visitMachine(({ cpuid, cpuidAccessors }) => {
      const result = new Uint32Array(4);
      for (const leaf of cpuidLeafDefinitions) {
        for (const subleaf of subleavesOf(leaf)) {
          cpuid.cpuid(leaf.leaf, subleaf ?? 0, result);
          const values = [...result];
          ones += values.filter((value) => value !== 0).length;
          faults.push(...faultsOf(cpuidAccessors, leaf, subleaf, values).faults);
        }
      }
    });
    expect(faults).to.deep.equal([]);
    expect(ones).to.be.greaterThan(40);
  });
});
