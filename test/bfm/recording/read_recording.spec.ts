// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readRecording } from '../../../src/bfm/recording/read_recording.js';
import { RecordingError } from '../../../src/bfm/recording/recording_error.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

const sha256 = 'cd'.repeat(32);
const request = {
  kernel: '/kernel',
  append: '',
  memoryBytes: 16 << 20,
  processors: 1,
  cpu: 'skylake-client',
  modules: [],
  settings: {},
  start: 'off',
  pace: 'fast',
  testDevice: false,
};
const header = {
  kind: 'recording',
  version: 1,
  request,
  core: sha256,
  files: [{ path: '/kernel', sha256 }],
  modules: [],
};
const typed = { kind: 'typed', at: { turn: 1, instructions: 2, virtualTime: 3 }, bytes: 'x' };
const lines = (...values: readonly unknown[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join('');

const folder = temporaryFolder();
const read = (text: string) => readRecording(folder.write('r.bfr', text));

describe('readRecording', () => {
  it('reads the machine and what came in', () => {
    const recording = read(lines(header, typed));
    expect(recording.header).to.deep.equal(header);
    expect(recording.entries).to.have.length(1);
  });

  it('leaves out a last line that is not whole, at each place where it may be cut off', () => {
    const whole = lines(header, typed, typed);
    const first = lines(header, typed).length;
    for (let end = first; end < whole.length; end++) expect(read(whole.slice(0, end)).entries).to.have.length(1);
    expect(read(whole).entries).to.have.length(2);
  });

  it('names file and line of what it cannot read', () => {
    const place = folder.write('r.bfr', '');
    const fails = (text: string, what: RegExp): void => {
      expect(() => read(text)).to.throw(RecordingError, what);
    };
    fails('', /r\.bfr cannot be replayed: it is no recording$/);
    fails('hello\n', /r\.bfr:1 cannot be replayed: this is not a line of a recording/);
    fails(lines({ modules: [] }), /it is no recording/);
    fails(lines({ ...header, version: 2 }), /its format has version 2, and this program reads 1/);
    fails(lines({ ...header, core: 'x' }), /r\.bfr:1 cannot be replayed: core: /);
    fails(lines(header, typed, { ...typed, bytes: 1 }), /r\.bfr:3 cannot be replayed: bytes: /);
    fails(`${lines(header)}{"kind":\n${lines(typed)}`, /r\.bfr:2 cannot be replayed/);
    expect(() => readRecording(`${place}.not`)).to.throw(RecordingError, /there is no such file/);
  });
});
