// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readRecording } from '../../../src/bfm/recording/read_recording.js';
import { RecordingError } from '../../../src/bfm/recording/recording_error.js';
import { RECORDING_VERSION } from '../../../src/bfm/recording/recording_format.js';
import { MAGIC } from '../../../src/bfm/snapshot/snapshot_header.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { sealed } from './own_run.js';

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
  version: RECORDING_VERSION,
  request,
  core: sha256,
  files: [{ path: '/kernel', sha256 }],
  modules: [],
};
const typed = { kind: 'typed', at: { turn: 1, instructions: 2, virtualTime: 3 }, bytes: 'x' };
const end = { kind: 'end', outcome: 'powered-off', instructions: 2, virtualTime: 3, hash: '0'.repeat(16) };
const lines = (...values: readonly unknown[]): string => sealed(values.map((value) => JSON.stringify(value)));

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
    fails('hello\n', /r\.bfr cannot be replayed: it is no recording$/);
    fails(lines({ modules: [] }), /it is no recording$/);
    fails(lines(header).slice(0, -1), /r\.bfr cannot be replayed: its first line is cut off$/);
    fails(
      lines({ ...header, version: 1 }),
      new RegExp(`its format has version 1, and this program reads ${RECORDING_VERSION}$`),
    );
    fails(
      lines({ ...header, core: 'x' }),
      /r\.bfr:1 cannot be replayed: not what a recording has there: core: found "x", expected a text/,
    );
    fails(
      lines(header, typed, { ...typed, bytes: 1 }),
      /r\.bfr:3 cannot be replayed: .* there: bytes: found 1, expected a text$/,
    );
    fails(sealed([JSON.stringify(header), 'null and void}']), /r\.bfr:2 cannot be replayed: this is not a line of/);
    fails(lines(header, end, typed), /r\.bfr:3 cannot be replayed: this follows the end of the recording$/);
    fails(`${lines(header, end)}x`, /r\.bfr:3 cannot be replayed: this follows the end of the recording$/);
    fails(`${MAGIC}…`, /r\.bfr cannot be replayed: it is a snapshot; bfm run --restore .*r\.bfr goes on from it$/);
    expect(() => readRecording(`${place}.not`)).to.throw(RecordingError, /there is no such file/);
  });

  it('finds each line that was changed, left out, moved or repeated', () => {
    const whole = lines(header, typed, { ...typed, bytes: 'y' }, { ...typed, bytes: 'z' }, end).split('\n');
    const [first, a, b, c, last] = whole as [string, string, string, string, string];
    const refuses = (changed: readonly string[], line: number): void => {
      expect(() => read(`${changed.join('\n')}\n`)).to.throw(
        RecordingError,
        new RegExp(
          `r\\.bfr:${line} cannot be replayed: this line was changed after it was written${line === 1 ? '$' : ', or a line'}`,
        ),
      );
    };
    refuses([first.replace('/kernel', '/Kernel'), a, b, c, last], 1);
    refuses([first, a, b.replace('"y"', '"x"'), c, last], 3);
    refuses([first, a, c, last], 3);
    refuses([first, a, c, b, last], 3);
    refuses([first, a, a, b, c, last], 3);
    refuses([first, a, b, last], 4);
    refuses([first, a, b, c, last.replace(/"check".*/, '"check":""}')], 5);
    refuses([first, JSON.stringify(typed)], 2);
    expect(read(`${[first, a, b, c, last].join('\n')}\n`).entries).to.have.length(4);
  });
});
