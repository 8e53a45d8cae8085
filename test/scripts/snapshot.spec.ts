// SPDX-License-Identifier: LGPL-2.1-only
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect } from 'chai';

interface Snapshot {
  inputs(): string;
  isFresh(before: string): boolean;
  remember(before: string): void;
}

const scripts = fileURLToPath(new URL('../../../scripts/build/', import.meta.url));

describe('the snapshot of the last build', () => {
  let root = '';
  let snapshot: Snapshot;
  const path = (name: string): string => join(root, name);
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(path(name)), { recursive: true });
    writeFileSync(path(name), text);
  };
  const isFresh = (): boolean => snapshot.isFresh(snapshot.inputs());

  beforeEach(async () => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'snapshot-')));
    mkdirSync(path('scripts/build'), { recursive: true });
    for (const name of ['snapshot.mjs', 'paths.mjs']) copyFileSync(join(scripts, name), path(`scripts/build/${name}`));
    write('src/a/one.ts', 'one');
    write('src/two.ts', 'two');
    write('build/src/a/one.js', 'ONE');
    write('build/src/two.js', 'TWO');
    snapshot = (await import(pathToFileURL(path('scripts/build/snapshot.mjs')).href)) as Snapshot;
    snapshot.remember(snapshot.inputs());
  });

  afterEach(() => rmSync(root, { recursive: true }));

  it('is fresh while nothing happens, whatever other files there are', () => {
    write('docs/page.md', 'text');
    write('build/modules/cached.js', 'bundle');
    write('build/lock', '1');
    expect(isFresh()).to.equal(true);
  });

  it('is not fresh before the first build', () => {
    rmSync(path('build/stamps'), { recursive: true });
    expect(isFresh()).to.equal(false);
  });

  it('is not fresh after an edit that keeps size and time of modification', () => {
    const edit = (text: string): number => {
      write('src/two.ts', text);
      utimesSync(path('src/two.ts'), 1e9, 1e9);
      return statSync(path('src/two.ts')).ctimeMs;
    };
    const changed = edit('two');
    snapshot.remember(snapshot.inputs());
    expect(isFresh()).to.equal(true);
    // The clock of the file system ticks every few milliseconds.
    while (edit('TWO') === changed);
    expect(statSync(path('src/two.ts'))).to.include({ size: 3, mtimeMs: 1e12 });
    expect(isFresh()).to.equal(false);
  });

  for (const [what, change] of [
    ['a new source', () => write('src/three.ts', '')],
    ['a source that is gone', () => rmSync(path('src/a/one.ts'))],
    ['an output that is gone', () => rmSync(path('build/src/a/one.js'))],
    ['another build script', () => write('scripts/build/more.mjs', '')],
    ['other packages', () => write('package-lock.json', '{}')],
  ] as const) {
    it(`is not fresh after ${what}`, () => {
      expect(isFresh()).to.equal(true);
      change();
      expect(isFresh()).to.equal(false);
    });
  }

  it('belongs to the inputs from before the build: an edit while it ran is noticed', () => {
    const before = snapshot.inputs();
    write('src/two.ts', 'edited');
    snapshot.remember(before);
    expect(isFresh()).to.equal(false);
  });
});
