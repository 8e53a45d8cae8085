// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import sinon from 'sinon';
import { GuestCache } from '../../../src/bfm/guests/guest_cache.js';
import type { GuestEntry } from '../../../src/bfm/guests/guest_catalog.js';
import { GuestError } from '../../../src/bfm/guests/guest_error.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

const folder = temporaryFolder();
const entry: GuestEntry = {
  name: 'some',
  description: 'some guest',
  version: 1,
  commandLine: '',
  files: { kernel: 'vmlinuz', initrd: 'initrd' },
};

describe('GuestCache', () => {
  let home: string;
  const cache = (): GuestCache => new GuestCache(join(home, 'bareflank'));
  const path = (...names: string[]): string => join(home, 'bareflank', 'guests', ...names);
  const keep = (kernel = 'the kernel'): Promise<void> =>
    cache().keep(entry, async (into) => {
      writeFileSync(join(into, 'vmlinuz'), kernel, { mode: 0o600 });
      writeFileSync(join(into, 'initrd'), 'the RAM disk');
      // As with a umask of 002.
      chmodSync(join(into, 'initrd'), 0o664);
      return ['linux_1_amd64'];
    });

  beforeEach(() => (home = mkdtempSync(join(folder.path, 'home-'))));
  afterEach(() => sinon.restore());

  it('finds what it kept, and nothing before', async () => {
    expect(cache().find(entry)).to.equal(undefined);
    await keep();
    expect(cache().find(entry)).to.deep.equal({ folder: path('some'), packages: ['linux_1_amd64'], bytes: 22 });
    expect([path('some'), path('some', 'initrd')].map((each) => statSync(each).mode & 0o777)).to.deep.equal([
      0o700, 0o600,
    ]);
    expect(readdirSync(path())).to.deep.equal(['some']);
  });

  it('replaces a guest only by one that is complete', async () => {
    await keep();
    const failed = cache().keep(entry, () => Promise.reject(new Error('no network')));
    expect(await failed.catch((error: Error) => error.message)).to.equal('no network');
    expect(cache().find(entry)?.bytes).to.equal(22);
    await keep('a new kernel');
    expect(cache().find(entry)?.bytes).to.equal(24);
    expect(readdirSync(path())).to.deep.equal(['some']);
  });

  it('removes what a process that was killed left, and nothing of one that runs', async () => {
    await keep();
    const { pid } = spawnSync(process.execPath, ['--version']);
    mkdirSync(path(`.${pid}-abc`));
    mkdirSync(path(`.${process.pid}-abc`));
    await keep();
    expect(readdirSync(path()).sort()).to.deep.equal([`.${process.pid}-abc`, 'some']);
  });

  it('removes a guest', async () => {
    await keep();
    expect([cache().remove(entry), cache().remove(entry)]).to.deep.equal([true, false]);
    expect(existsSync(path('some'))).to.equal(false);
  });

  for (const [what, spoil, why] of [
    [
      'a file that was changed',
      () => writeFileSync(path('some', 'initrd'), 'the ram disk'),
      /initrd does not have the checksum/,
    ],
    ['a file that has grown', () => appendFileSync(path('some', 'vmlinuz'), 'x'), /vmlinuz does not have the checksum/],
    ['a file that is missing', () => rmSync(path('some', 'initrd')), /not a file that only you can write/],
    ['a file that others can write', () => chmodSync(path('some', 'initrd'), 0o622), /only you can write/],
    [
      'a link in place of a file',
      () => {
        renameSync(path('some', 'vmlinuz'), path('elsewhere'));
        symlinkSync(path('elsewhere'), path('some', 'vmlinuz'));
      },
      /only you can write/,
    ],
    [
      'a link in place of the folder',
      () => {
        renameSync(path('some'), path('elsewhere'));
        symlinkSync(path('elsewhere'), path('some'));
      },
      /is not a folder/,
    ],
    ['a folder that others can enter', () => chmodSync(path(), 0o755), /others have access/],
    ["another user's folder", () => sinon.stub(process, 'getuid').returns(process.getuid!() + 1), /belongs to user/],
    ['a manifest that was cut off', () => writeFileSync(path('some', 'manifest.json'), '{"version"'), /is damaged/],
    ['a manifest of another shape', () => writeFileSync(path('some', 'manifest.json'), '{"version":1}'), /is damaged/],
  ] as const)
    it(`does not use ${what}, and says how to make the guest again`, async () => {
      await keep();
      spoil();
      expect(() => cache().find(entry))
        .to.throw(GuestError, why)
        .with.nested.property('details.advice', 'bfm guest some makes it again');
    });

  it('does not use a guest that another version of bfm made', async () => {
    await keep();
    expect(() => cache().find({ ...entry, version: 2 })).to.throw(GuestError, /another version of bfm/);
  });

  it('refuses to keep a guest where others can write', async () => {
    mkdirSync(join(home, 'bareflank'));
    chmodSync(join(home, 'bareflank'), 0o777);
    expect(await keep().catch((error: Error) => error.message)).to.match(/others have access/);
    expect(readdirSync(join(home, 'bareflank'))).to.deep.equal([]);
  });
});
