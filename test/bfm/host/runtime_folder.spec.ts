// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileError } from '../../../src/bfm/failures/file_error.js';
import { runtimeFolder, socketPath } from '../../../src/bfm/host/runtime_folder.js';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

const folder = temporaryFolder();

describe('runtimeFolder', () => {
  let before: string | undefined;
  beforeEach(() => (before = process.env.XDG_RUNTIME_DIR));
  afterEach(() => {
    if (before === undefined) delete process.env.XDG_RUNTIME_DIR;
    else process.env.XDG_RUNTIME_DIR = before;
  });

  it("is a folder for its owner only, in the user's runtime folder", () => {
    process.env.XDG_RUNTIME_DIR = folder.path;
    expect(runtimeFolder()).to.equal(join(folder.path, 'bareflank'));
    expect(statSync(runtimeFolder()).mode & 0o777).to.equal(0o700);
    const path = runtimeFolder();
    chmodSync(path, 0o755);
    expect(() => runtimeFolder()).to.throw(FileError, /mode 0755.*chmod 700/);
    chmodSync(path, 0o700);
  });

  it('is refused if it is a link, wherever it leads', () => {
    process.env.XDG_RUNTIME_DIR = join(folder.path, 'linked');
    mkdirSync(join(folder.path, 'elsewhere'), { mode: 0o700 });
    mkdirSync(process.env.XDG_RUNTIME_DIR);
    symlinkSync(join(folder.path, 'elsewhere'), join(folder.path, 'linked', 'bareflank'));
    expect(() => runtimeFolder()).to.throw(FileError, /is not a folder/);
  });

  it('says why there can be none', () => {
    process.env.XDG_RUNTIME_DIR = join(folder.path, 'nowhere');
    expect(() => runtimeFolder()).to.throw(FileError, /nowhere\/bareflank cannot be made/);
    process.env.XDG_RUNTIME_DIR = join(folder.path, 'occupied');
    folder.write('occupied/x', '');
    writeFileSync(join(folder.path, 'occupied', 'bareflank'), '');
    expect(() => runtimeFolder()).to.throw(FileError, /is not a folder/);
  });

  it('has one socket for each name that is one', () => {
    process.env.XDG_RUNTIME_DIR = folder.path;
    expect(socketPath('one-1')).to.equal(join(folder.path, 'bareflank', 'one-1.sock'));
    for (const name of ['', '../up', 'a/b', '.hidden', 'a b']) expect(() => socketPath(name)).to.throw(UsageError);
    expect(() => socketPath('x'.repeat(100))).to.throw(FileError, /too long/);
  });
});
