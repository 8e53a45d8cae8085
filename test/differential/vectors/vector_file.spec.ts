// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { brotliCompressSync } from 'node:zlib';
import { Agreement } from '../agreement.js';
import type { CaseResult, InstructionCase } from '../cases/instruction_case.js';
import { CoreRunner } from '../core_runner.js';
import { knownHosts } from '../host/known_hosts.js';
import { probeCase } from '../host/probe_case.js';
import { decodeVectors, encodeVectors, type VectorHeader } from './vector_file.js';

const [intel] = knownHosts;
const header: VectorHeader = {
  processor: { vendor: 'Intel', brand: 'a processor', family: 6, model: 0x9e, hypervisor: '' },
  system: 'Linux 6.1',
  quirks: intel!.quirks,
  dataSeed: 7,
};
const x87 = new Uint8Array(512);
x87.set([0x7f, 0x03, 0, 0, 0xff]);
x87.set([0x80, 0x1f], 24);
const cases: readonly InstructionCase[] = [
  probeCase('ADD<u8,Reg,Imm>', [0x04, 0x01], { 0: 0x1234567890abcdefn }),
  probeCase('FLD1()', [0xd9, 0xe8], {}, { fx: x87 }),
  probeCase('PUSH<u64,Reg>', [0x50], { 0: 0xfedcba9876543210n }),
  probeCase('INT3()', [0xcc]),
];

describe('encodeVectors', () => {
  let core: CoreRunner;
  let results: CaseResult[];
  before(async () => {
    core = await CoreRunner.create(header.dataSeed);
    results = cases.map((testCase) => core.run(testCase));
  });
  const file = (shown: readonly CaseResult[]): Buffer => encodeVectors(header, [{ cases, results: shown }]);

  it('keeps cases, results and where they come from', () => {
    const { cases: readCases, results: readResults, ...others } = decodeVectors(file(results));
    expect(others).to.deep.equal(header);
    expect(readCases).to.deep.equal(cases);
    expect(readResults).to.deep.equal(results);
  });
  it('lets a comparison find the one result that differs', () => {
    const odd = results.map((result, i) => (i === 2 ? { ...result, rip: result.rip + 1n } : result));
    const read = decodeVectors(file(odd));
    const agreement = new Agreement(core, read.quirks, read.dataSeed);
    expect(read.cases.map((testCase, i) => agreement.differing(testCase, read.results[i]!).length)).to.deep.equal([
      0, 0, 1, 0,
    ]);
  });
});

describe('decodeVectors', () => {
  it('refuses another format', () => {
    const text = Buffer.from(JSON.stringify({ format: 'something else', batches: [] }));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    expect(() => decodeVectors(brotliCompressSync(Buffer.concat([length, text])))).to.throw(
      RangeError,
      /"something else".*record them again/,
    );
  });
});
