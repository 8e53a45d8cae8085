// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileFlaw } from '../../../src/driver/node/file_flaw.js';
import { temporaryFolder } from './temporary_folder.js';

const folder = temporaryFolder();
const isRoot = process.getuid?.() === 0;

describe('fileFlaw', () => {
  const at = (name: string): string => join(folder.path, name);
  before(() => {
    folder.write('file', 'x');
    mkdirSync(at('folder'));
    execFileSync('mkfifo', [at('pipe')]);
    symlinkSync(at('file'), at('link'));
    symlinkSync('gone', at('dangling'));
    symlinkSync(at('two'), at('one'));
    symlinkSync(at('one'), at('two'));
    chmodSync(folder.write('secret', 'x'), 0);
    folder.write('closed/file', 'x');
    chmodSync(at('closed'), 0);
  });
  after(() => chmodSync(at('closed'), 0o700));

  for (const name of ['file', 'link'])
    it(`has nothing against a ${name}`, () => expect(fileFlaw(at(name))).to.equal(undefined));

  for (const [name, found, sentence] of [
    ['nowhere', 'nothing', 'there is no such file'],
    ['folder', 'a folder', 'it is a folder, not a file'],
    ['pipe', 'a pipe', 'it is a pipe, not a file'],
    ['/dev/null', 'a device', 'it is a device, not a file'],
    ['dangling', 'a link to nothing', 'it is a link to gone, which does not exist'],
    ['one', 'a loop of links', 'its links form a loop'],
    ['file/below', 'a file in place of a folder', 'a part of its path is a file, not a folder'],
    ['x'.repeat(300), 'a name that is too long', 'its name is too long for this system'],
  ] as const)
    it(`says of ${name.slice(0, 20)}: ${sentence}`, () =>
      expect(fileFlaw(name.startsWith('/') ? name : at(name))).to.deep.equal({ found, sentence }));

  it('says of a file of the system that cannot be read: a read of it fails', function () {
    if (process.platform !== 'linux') this.skip();
    // Nothing is mapped at address 0.
    expect(fileFlaw('/proc/self/mem')).to.deep.equal({
      found: 'a file whose read fails with EIO',
      sentence: 'a read of it fails with EIO; name another file',
    });
  });

  for (const [name, found, sentence] of [
    ['secret', 'a file without access', 'you may not read it (EACCES)'],
    ['closed/file', 'a folder without access', 'you have no access to a folder of its path'],
  ] as const)
    it(`says of ${name} without rights: ${sentence}`, function () {
      // Root may do everything.
      if (isRoot) this.skip();
      expect(fileFlaw(at(name))).to.deep.equal({ found, sentence });
    });
});
