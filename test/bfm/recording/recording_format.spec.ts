// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import {
  entryOf,
  headerOf,
  lineOf,
  RECORDING_VERSION,
  type RecordingEntry,
} from '../../../src/bfm/recording/recording_format.js';

import { cpuidRun } from './own_run.js';

const at = { turn: 3, instructions: 100, virtualTime: 200 };
const hash = '0123456789abcdef';
const sha256 = 'ab'.repeat(32);

const entries: RecordingEntry[] = [
  { kind: 'event', at, event: { kind: 'typed', bytes: [0, 10, 0x41, 0x7f, 0x80, 0xff] } },
  { kind: 'event', at: { ...at, exit: -5 }, event: { kind: 'call', method: 'load', params: { files: ['a.ts'] } } },
  { kind: 'event', at: { ...at, exit: 7 }, event: { kind: 'turn', processor: 3 } },
  { kind: 'event', at: { ...at, isWithin: true }, event: { kind: 'turn', processor: 3 } },
  { kind: 'modules', modules: [{ path: '/a.ts', sha256, code: 'export {};' }] },
  { kind: 'state', at, brief: hash },
  { kind: 'state', at, brief: hash, hash },
  { kind: 'end', at, outcome: 'timeout', instructions: 100, virtualTime: 200, hash },
  { kind: 'end', outcome: 'powered-off', instructions: 100, virtualTime: 200, hash },
];

describe('The format of recordings', () => {
  for (const entry of entries)
    it(`keeps ${JSON.stringify(entry)}`, () => {
      const line = lineOf(entry);
      expect(line).to.not.include('\n');
      expect(entryOf(JSON.parse(line))).to.deep.equal(entry);
    });

  it('says what is wrong with a line', () => {
    const wrong = (value: unknown, fields: string): void =>
      void expect(entryOf(value)).to.equal(`not what a recording has there: ${fields}`);
    wrong({ kind: 'state', at, brief: 'xyz' }, 'brief: found "xyz", expected a text like /^[0-9a-f]{16}$/');
    wrong(
      { kind: 'typed', at: { turn: -1, instructions: 1, virtualTime: 1 }, bytes: 1 },
      'at.turn: found -1, expected at least 0; bytes: found 1, expected a text',
    );
    wrong({ kind: 'typed', at, bytes: 'a', more: 1 }, 'the line: found "more", expected no such field');
    wrong({ kind: 'typed', at, bytes: '\u0100' }, 'bytes: found "\u0100", expected a text like /^[\\0-\\xff]*$/');
    expect(entryOf({ kind: 'rumour' })).to.match(
      /^not what a recording has there: kind: found "rumour", expected "typed" or /,
    );
    expect(entryOf(17)).to.equal('not what a recording has there: the line: found 17, expected an object');
  });

  it('says what is wrong with the first line', () => {
    const first = { kind: 'recording', version: RECORDING_VERSION, core: sha256, files: [], modules: [] };
    expect(headerOf(first)).to.equal('not what a recording has there: request: found nothing, expected an object');
    const wrong = (change: object, fields: RegExp): void =>
      void expect(headerOf({ ...first, request: { ...cpuidRun, ...change } })).to.match(fields);
    expect(headerOf({ ...first, request: cpuidRun })).to.be.an('object');
    wrong({ memoryBytes: 2 ** 52 }, /request\.memoryBytes: found 4503599627370496, expected at most 3221225472/);
    wrong({ memoryBytes: (16 << 20) + 1 }, /request\.memoryBytes: found 16777217/);
    wrong({ processors: 0 }, /request\.processors: found 0, expected at least 1/);
    wrong({ processors: 1e6 }, /request\.processors: found 1000000, expected at most 8/);
    wrong({ cpu: 'z80' }, /request\.cpu: found "z80"/);
    wrong({ modules: ['./next_to_the_recording.ts'] }, /request\.modules\.0: .*expected an absolute path/);
    expect(headerOf({ ...first, files: [{ path: 'guest', sha256 }], request: cpuidRun })).to.match(/files\.0\.path/);
  });
});
