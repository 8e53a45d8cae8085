// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/driver/node/package_paths.js';
import { ExitReason } from '../../src/intrinsics/vmx/exit_reasons.js';
import { vcpuModule } from '../../src/vmm/container/part_module.js';
import { CpuidContribution } from '../../src/vmm/contributions/cpuid_contribution.js';
import { runGuest } from '../vmm/machine_vmm.js';

interface Row {
  readonly step: string;
  readonly file: string;
  readonly names: readonly string[];
}

const page = readFileSync(join(packageRoot, 'docs', 'life_of_an_exit.md'), 'utf8');
const code = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text!);
const rows: readonly Row[] = [...page.matchAll(/^\| ([A-Za-z ]+) \| `(src\/[^`]+)` \| ([^|]*) \|/gm)].map(
  ([, step, file, names]) => ({ step: step!, file: file!, names: code(names!) }),
);

/** Files of the framework on the stack of a handler, outermost first, each run of one file once. */
async function filesOnTheWay(): Promise<string[]> {
  let stack = '';
  const limit = Error.stackTraceLimit;
  const contribution: CpuidContribution = {
    name: 'witness',
    leaves: [0],
    handleCpuid: () => {
      stack ||= new Error().stack!;
      return false;
    },
  };
  Error.stackTraceLimit = 50;
  try {
    const { exits } = await runGuest(
      ['xor eax, eax', 'cpuid'],
      [],
      [vcpuModule(({ bind }) => bind(CpuidContribution).toConstantValue(contribution))],
    );
    expect(exits[ExitReason.Cpuid]).to.equal(1);
  } finally {
    Error.stackTraceLimit = limit;
  }
  const files = [...stack.matchAll(/build\/(src\/[\w/]+)\.js/g)].map(([, file]) => `${file}.ts`).reverse();
  return files.filter((file, at) => file !== files[at - 1]);
}

describe('docs/life_of_an_exit.md', () => {
  it('names files that exist, and what is in them', () => {
    expect(rows).to.have.length.greaterThan(12);
    const wrong = rows.flatMap(({ step, file, names }) => {
      const path = join(packageRoot, file);
      if (!existsSync(path)) return [`${step}: ${file} does not exist`];
      const text = readFileSync(path, 'utf8');
      return names
        .filter((name) => !new RegExp(`\\b${name.replace('.', '\\.')}\\b`).test(text))
        .map((name) => `${step}: ${file} does not mention ${name}`);
    });
    expect(wrong).to.deep.equal([]);
  });

  it('has the steps from the call of the VMM to its handler in the order of a real stack', async () => {
    const from = rows.findIndex(({ step }) => step === 'call the VMM');
    const to = rows.findIndex(({ step }) => step === 'emulate');
    const told = rows.slice(from, to + 1).map(({ file }) => file);
    const order = told.filter((file, at) => file !== told[at - 1]);
    const met = (await filesOnTheWay()).filter((file) => order.includes(file));
    expect(order).to.have.length.greaterThan(3);
    expect(met.filter((file, at) => met.indexOf(file) === at)).to.deep.equal(order);
  });
});
