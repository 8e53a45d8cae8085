// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { factsOf, readExploration, writeExploration } from '../../../src/bfm/explore/exploration_file.js';
import { FileError } from '../../../src/bfm/failures/file_error.js';
import { nothingExplored, type ExplorationState } from '../../../src/session/explore/exploration_state.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { raceHook } from './race_hook_run.js';

const folder = temporaryFolder();
const about = { machine: { processors: 2 }, 'the predicate': 'abc' };
const state: ExplorationState = {
  ...nothingExplored(4, 3),
  round: 2,
  parents: [
    [5, 0, 1],
    [3, 2, 1],
  ],
  tried: [[1, 0, 1, 3, 0]],
  open: [2, 5],
  next: 7,
  runs: [1, 4, 5],
};

describe('The file of an exploration', () => {
  it('gives back what was explored, and nothing if there is none', () => {
    const path = join(folder.path, 'a.json');
    expect(readExploration(path, about, 4, 3)).to.deep.equal(nothingExplored(4, 3));
    writeExploration(path, about, nothingExplored(4, 3));
    writeExploration(path, about, state);
    expect(readExploration(path, about, 4, 3)).to.deep.equal(state);
    if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).to.equal(0o600);
  });

  it('is refused for other runs, another seed or another bound', () => {
    const path = join(folder.path, 'b.json');
    writeExploration(path, about, state);
    const read = (facts: object, seed: number, preemptions: number) => () =>
      readExploration(path, facts as typeof about, seed, preemptions);
    expect(read({ ...about, 'the predicate': 'other' }, 4, 3)).to.throw(
      FileError,
      'it is about other runs: the predicate differs',
    );
    expect(read(about, 5, 3)).to.throw(FileError, 'it is about seed 4, 3 preemptions');
    expect(read(about, 4, 2)).to.throw(FileError, 'it is about seed 4, 3 preemptions');
  });

  it('is refused if it is damaged, since places of schedules that do not exist would be tried', () => {
    const path = join(folder.path, 'c.json');
    writeExploration(path, about, state);
    const text = readFileSync(path, 'utf8');
    const changes: [string, string][] = [
      ['"next":7', '"next":9'],
      ['"open":[2,5]', '"open":[2,7]'],
      ['"round":2', '"round":1'],
      ['"round":2', '"round":-2'],
      ['[5,0,1]', '[5,0]'],
      ['"version":1', '"version":2'],
      [text, 'no'],
    ];
    for (const [from, to] of changes) {
      expect(text).to.include(from);
      folder.write('c.json', text.replace(from, to));
      expect(() => readExploration(path, about, 4, 3), to).to.throw(
        FileError,
        /it is not (JSON|an exploration of this version)/,
      );
    }
    expect(() => readExploration(folder.path, about, 4, 3)).to.throw(FileError, '--resume');
    expect(() => writeExploration(join(folder.path, 'none', 'c.json'), about, state)).to.throw(
      FileError,
      'cannot be written',
    );
  });

  it('tells runs apart by all on which they depend', async () => {
    const facts = await factsOf(raceHook());
    expect(await factsOf(raceHook())).to.deep.equal(facts);
    const other = folder.write('other.ts', 'export default () => false;');
    for (const request of [
      raceHook({ cpus: '3' }),
      raceHook({ module: ['ept_hook'] }),
      raceHook({ guest: 'cpuid' }),
      raceHook({}, other),
      { ...raceHook(), instructions: 7 },
      { ...raceHook(), watched: [{ address: 0x600n, bytes: 1 }] },
    ])
      expect(await factsOf(request)).to.not.deep.equal(facts);
  });
});
