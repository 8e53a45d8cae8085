// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { entryOf, headerOf, lineOf, type RecordingEntry } from '../../../src/bfm/recording/recording_format.js';

const at = { turn: 3, instructions: 100, virtualTime: 200 };
const hash = '0123456789abcdef';
const sha256 = 'ab'.repeat(32);

const entries: RecordingEntry[] = [
  { kind: 'event', at, event: { kind: 'typed', bytes: [0, 10, 0x41, 0x7f, 0x80, 0xff] } },
  { kind: 'event', at: { ...at, exit: -5 }, event: { kind: 'call', method: 'load', params: { files: ['a.ts'] } } },
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
    expect(entryOf({ kind: 'state', at, brief: 'xyz' })).to.match(/^brief: /);
    expect(entryOf({ kind: 'typed', at: { turn: -1, instructions: 1, virtualTime: 1 }, bytes: 'a' })).to.match(
      /^at.turn: /,
    );
    expect(entryOf({ kind: 'typed', at, bytes: 'a', more: 1 })).to.be.a('string');
    expect(entryOf({ kind: 'typed', at, bytes: '\u0100' })).to.match(/^bytes: /);
    expect(entryOf({ kind: 'rumour' })).to.match(/^kind: /);
    expect(entryOf(17)).to.match(/^the line: /);
  });

  it('says what is wrong with the first line', () => {
    expect(headerOf({ kind: 'recording', version: 1, core: sha256, files: [], modules: [] })).to.match(/request: /);
  });
});
