// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { chmodSync, mkdirSync, readdirSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sinon from 'sinon';
import { removeOldBundles, removeOldFolders } from '../../../src/driver/node/bundle_limits.js';
import { loadModule } from '../../../src/driver/node/load_module.js';
import { ModuleCache } from '../../../src/driver/node/module_cache.js';
import { inputsOf } from './inputs_of.js';
import { temporaryFolder } from './temporary_folder.js';

const folder = temporaryFolder();
const [minute, day, mebibyte] = [60_000, 24 * 3_600_000, 2 ** 20];
const now = Date.now();
const nameOf = (number: number, end: string): string => `${number.toString(16).padStart(32, '0')}.${end}`;

/** A folder of its own for a test. */
function makeFolder(name: string): string {
  const path = join(folder.path, name);
  mkdirSync(path, { mode: 0o700 });
  return path;
}

/** A file that was last used `age` milliseconds ago. Its bytes need no room on the disk. */
function put(path: string, age: number, bytes = 1): void {
  writeFileSync(path, '', { mode: 0o600 });
  truncateSync(path, bytes);
  const time = new Date(now - age);
  utimesSync(path, time, time);
}

describe('removeOldBundles', () => {
  it('removes what nobody has used for a month, and what a killed process had begun to write', () => {
    const cache = makeFolder('old');
    for (const [at, age] of [29 * day, 31 * day].entries())
      for (const end of ['mjs', 'json']) put(join(cache, nameOf(at, end)), age);
    put(join(cache, nameOf(2, 'mjs.4711')), 61 * minute);
    put(join(cache, nameOf(3, 'mjs.4712')), 59 * minute);
    removeOldBundles(cache, now);
    expect(readdirSync(cache).sort()).to.deep.equal([nameOf(0, 'json'), nameOf(0, 'mjs'), nameOf(3, 'mjs.4712')]);
  });

  it('removes what was not used for longest, until the rest has 64 MiB', () => {
    const cache = makeFolder('large');
    for (const [at, age] of [5, 2, 9, 3].entries()) put(join(cache, nameOf(at, 'mjs')), age * day, 20 * mebibyte);
    removeOldBundles(cache, now);
    expect(readdirSync(cache).sort()).to.deep.equal([0, 1, 3].map((at) => nameOf(at, 'mjs')));
  });

  it('removes what was not used for longest, until the rest has 1,000 files', () => {
    const cache = makeFolder('many');
    for (let at = 0; at < 1_003; at++) put(join(cache, nameOf(at, 'mjs')), (2_000 - at) * minute);
    removeOldBundles(cache, now);
    expect(readdirSync(cache).sort()).to.deep.equal(Array.from({ length: 1_000 }, (_, at) => nameOf(at + 3, 'mjs')));
  });

  it('keeps what was used within the hour, whatever its size: another process may be about to read it', () => {
    const cache = makeFolder('in use');
    for (const at of [0, 1]) put(join(cache, nameOf(at, 'mjs')), 59 * minute, 60 * mebibyte);
    removeOldBundles(cache, now);
    expect(readdirSync(cache)).to.have.length(2);
  });

  it('touches no other file, no link, and no file that others may write', () => {
    const cache = makeFolder('others');
    const names = ['notes.txt', `${'g'.repeat(32)}.mjs`, 'guests'];
    for (const name of names) put(join(cache, name), 400 * day);
    const elsewhere = join(folder.path, 'elsewhere');
    put(elsewhere, 400 * day);
    symlinkSync(elsewhere, join(cache, nameOf(1, 'mjs')));
    put(join(cache, nameOf(2, 'mjs')), 400 * day);
    chmodSync(join(cache, nameOf(2, 'mjs')), 0o666);
    removeOldBundles(cache, now);
    expect(readdirSync(cache).sort()).to.deep.equal([...names, nameOf(1, 'mjs'), nameOf(2, 'mjs')].sort());
  });
});

describe('removeOldFolders', () => {
  it('removes folders that killed processes left a day ago, and only private ones', () => {
    const base = makeFolder('temporary');
    const make = (name: string, age: number, mode = 0o700): void => {
      const path = join(base, name);
      mkdirSync(path);
      put(join(path, nameOf(1, 'mjs')), age);
      chmodSync(path, mode);
      utimesSync(path, new Date(now - age), new Date(now - age));
    };
    make('bareflank-bundle-aaaaaa', 25 * 60 * minute);
    make('bareflank-bundle-bbbbbb', 23 * 60 * minute);
    make('bareflank-bundle-cccccc', 25 * 60 * minute, 0o755);
    make('another', 25 * 60 * minute);
    removeOldFolders(base, now);
    expect(readdirSync(base).sort()).to.deep.equal(['another', 'bareflank-bundle-bbbbbb', 'bareflank-bundle-cccccc']);
  });
});

describe('The cache of bundles', () => {
  afterEach(() => sinon.restore());

  it('counts a bundle as used when it is found', () => {
    const cache = makeFolder('used');
    const source = folder.write('used.ts', 'the source');
    const modules = new ModuleCache('salt', cache);
    modules.keep(source, inputsOf(source), 'the bundle');
    for (const name of readdirSync(cache)) utimesSync(join(cache, name), new Date(0), new Date(0));
    modules.find(source);
    removeOldBundles(cache);
    expect(readdirSync(cache)).to.have.length(2);
  });

  it('is bounded when a bundle is kept', () => {
    const cache = makeFolder('kept');
    put(join(cache, nameOf(1, 'mjs')), 31 * day);
    const source = folder.write('kept.ts', 'the source');
    new ModuleCache('salt', cache).keep(source, inputsOf(source), 'the bundle');
    expect(readdirSync(cache)).to.have.length(2).and.to.not.include(nameOf(1, 'mjs'));
  });

  it('makes a bundle again that another process removed after it was found', async () => {
    const file = folder.write('lost.ts', `import { vmmModule } from 'bareflank'; export default vmmModule(() => {});`);
    const lost = { path: join(folder.path, nameOf(1, 'mjs')), inputs: [], [Symbol.dispose]() {} };
    const find = sinon.stub(ModuleCache.prototype, 'find').callThrough().onFirstCall().returns(lost);
    expect((await loadModule(file)).modules).to.have.length(1);
    expect(find.callCount).to.equal(2);
  });
});
