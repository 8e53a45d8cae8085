// SPDX-License-Identifier: LGPL-2.1-only
import { registerNumbers } from '../../src/intrinsics/vmx/exit_information.js';
import { expect } from 'chai';
import { resolve } from 'node:path';
import { CaseGenerator } from './cases/case_generator.js';
import { formCoverage } from './cases/form_choice.js';
import { instructionTable } from './cases/instruction_table.js';
import { MemoryMap } from './cases/memory_map.js';
import { CoreRunner } from './core_runner.js';
import { probeCase } from './host/probe_case.js';

const seed = 20200101;
const { rcx, rdi } = registerNumbers;

describe('CoreRunner', function () {
  this.timeout(60_000);

  it('gives each case the same result, whatever ran before it', async () => {
    const table = instructionTable(resolve(import.meta.dirname, '../../..'));
    const cases = ([64, 32, 16] as const).flatMap((bits) => {
      const { choices } = formCoverage(table.entries, bits);
      const options = { seed: bits, vendor: 'Intel', sequences: 0.2, traps: 0.05 } as const;
      return new CaseGenerator(choices, options).take(500);
    });
    const [one, other] = await Promise.all([CoreRunner.create(seed), CoreRunner.create(seed)]);
    const forwards = cases.map((testCase) => one.run(testCase));
    const backwards = [...cases].reverse().map((testCase) => other.run(testCase));
    backwards.reverse();
    const different = cases.filter((_, i) => !isSame(forwards[i], backwards[i]));
    expect(different.map(({ instructions }) => instructions.map(({ form }) => form))).to.deep.equal([]);
  });
  it('puts back what a case wrote at both ends of the data, and names all of it', async () => {
    const runner = await CoreRunner.create(seed);
    const fill = probeCase('STOS<u8,u64>(1,rip)', [0xf3, 0xaa], {
      [rdi]: MemoryMap.data,
      [rcx]: MemoryMap.writableBytes,
    });
    const nothing = probeCase('NOP()', [0x90]);
    const { changedOffset, changed } = runner.run(fill);
    expect(changedOffset).to.be.lessThan(8);
    expect(changedOffset + changed.length).to.be.greaterThan(MemoryMap.writableBytes - 8);
    expect(runner.run(nothing).changed).to.have.length(0);
  });
  it('leaves filler where the code of a case was', async () => {
    const runner = await CoreRunner.create(seed);
    runner.run(probeCase('NOP()', [0x90, 0x90, 0x90, 0x90]));
    // to the fourth byte: INT3, after which RIP is one more
    const { rip, vector } = runner.run(probeCase('JMP<i8>(next,target)', [0xeb, 1]));
    expect([rip, vector]).to.deep.equal([BigInt(MemoryMap.code + MemoryMap.slotStart + 4), 3]);
  });
});

function isSame(one: unknown, other: unknown): boolean {
  const text = (value: unknown): string =>
    JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? part.toString() : part));
  return text(one) === text(other);
}
