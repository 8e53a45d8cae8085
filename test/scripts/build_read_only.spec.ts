// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/driver/node/package_paths.js';
import { temporaryFolder } from '../driver/node/temporary_folder.js';

/** What the build reads and writes. */
const parts = [
  ...['src', 'test', 'extensions', 'guests', 'scripts', 'package.json', 'package-lock.json'],
  ...['src', 'test', 'extensions', 'vendor', 'cpu', 'guests', 'stamps'].map((name) => `build/${name}`),
];
/** A user who owns nothing; only root may become one. */
const nobody = 65534;

describe('The build of a checkout that this user cannot write', function () {
  this.timeout(60_000);
  // Before the folder's own hook, which removes it: only root may remove what cannot be written.
  after(() => {
    if (existsSync(join(folder.path, 'build'))) setWritable(true);
  });
  const folder = temporaryFolder();
  const user = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};

  before(function () {
    if (process.platform === 'win32') this.skip();
    // a Node in root's own folder is nothing that another user can run
    if (spawnSync(process.execPath, ['--version'], user).error) this.skip();
    chmodSync(folder.path, 0o755);
    for (const part of parts.filter((name) => existsSync(join(packageRoot, name))))
      cpSync(join(packageRoot, part), join(folder.path, part), { recursive: true });
    setWritable(false);
  });

  /** The build folder's folders: files are not replaced in folders that cannot be written. */
  function setWritable(isWritable: boolean): void {
    const build = join(folder.path, 'build');
    const below = readdirSync(build, { recursive: true, withFileTypes: true });
    const folders = below.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
    const files = below.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    for (const path of [build, ...folders]) chmodSync(path, isWritable ? 0o755 : 0o555);
    for (const path of files) chmodSync(path, isWritable ? 0o644 : 0o444);
  }

  function build() {
    return spawnSync(process.execPath, [join(folder.path, 'scripts/build.mjs')], { encoding: 'utf8', ...user });
  }

  it('succeeds where nothing is stale, though the files’ times are new', () => {
    const { status, stderr } = build();
    expect([status, stderr]).to.deep.equal([0, '']);
  });
  it('says what to do where something is stale', () => {
    rmSync(join(folder.path, 'src/index.ts'));
    const { status, stderr } = build();
    expect(status).to.equal(1);
    expect(stderr).to.match(
      /^build: what is built is stale and cannot be written \(EACCES.*; run the build as the owner/,
    );
  });
});
