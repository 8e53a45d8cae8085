// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { chmodSync, mkdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { makePrivateFolder, userCacheFolder } from '../../../src/driver/node/cache_folder.js';
import { DriverError } from '../../../src/driver/driver_errors.js';
import { temporaryFolder } from './temporary_folder.js';

const folder = temporaryFolder();

describe('userCacheFolder', () => {
  const before = process.env.XDG_CACHE_HOME;
  afterEach(() => {
    if (before === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = before;
  });

  it('is in XDG_CACHE_HOME, or in the home if that is no absolute path', () => {
    process.env.XDG_CACHE_HOME = '/caches';
    expect(userCacheFolder()).to.equal('/caches/bareflank');
    process.env.XDG_CACHE_HOME = 'caches';
    expect(userCacheFolder()).to.match(/[/\\]\.cache[/\\]bareflank$/);
  });
});

describe('makePrivateFolder', () => {
  it('makes a folder for its owner only, with the folder that it is in, once', () => {
    const path = join(folder.path, 'home', '.cache');
    mkdirSync(join(folder.path, 'home'));
    makePrivateFolder(join(path, 'bareflank'));
    makePrivateFolder(join(path, 'bareflank'));
    expect([path, join(path, 'bareflank')].map((each) => statSync(each).mode & 0o777)).to.deep.equal([0o700, 0o700]);
  });

  it('refuses one to which others have access, a link, and one whose home is missing', () => {
    const open = join(folder.path, 'open');
    mkdirSync(open);
    chmodSync(open, 0o755);
    expect(() => makePrivateFolder(open)).to.throw(DriverError, /others have access/);
    const own = join(folder.path, 'own');
    makePrivateFolder(own);
    symlinkSync(own, join(folder.path, 'link'));
    expect(() => makePrivateFolder(join(folder.path, 'link'))).to.throw(DriverError, /is not a folder/);
    expect(() => makePrivateFolder(join(folder.path, 'nobody', '.cache', 'bareflank'))).to.throw(/ENOENT/);
  });
});
