// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { chmodSync, lchownSync, mkdirSync, readdirSync, realpathSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { replacedFile } from '../../../src/bfm/snapshot/replaced_file.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

const folder = temporaryFolder();
const isRoot = process.getuid?.() === 0;
const NOBODY = 65534;

describe('replacedFile', () => {
  const at = (name: string): string => join(folder.path, name);
  const target = (name: string): string => join(realpathSync(folder.path), name);
  before(() => {
    folder.write('file', 'x');
    mkdirSync(at('folder/deep'), { recursive: true });
    mkdirSync(at('closed'));
    chmodSync(at('closed'), 0o500);
    execFileSync('mkfifo', [at('pipe')]);
    for (const [name, to] of [
      ['link', 'file'],
      ['folder/up', '../link'],
      ['folder/deep/dots', '../deep/../new'],
      ['dangling', at('folder/new')],
      ['to-pipe', 'pipe'],
      ['to-null', '/dev/null'],
      ['to-nowhere', 'gone/file'],
      ['way', 'folder'],
      ['one', 'two'],
      ['two', 'one'],
    ] as const)
      symlinkSync(to, at(name));
  });

  for (const [name, to] of [
    ['file', 'file'],
    ['new', 'new'],
    ['link', 'file'],
    ['folder/up', 'file'],
    ['folder/deep/dots', 'folder/new'],
    ['dangling', 'folder/new'],
    ['way/new', 'folder/new'],
    ['x'.repeat(255), 'x'.repeat(255)],
  ] as const)
    it(`takes ${name.slice(0, 20)}, and leaves nothing in its folder`, () => {
      const before = readdirSync(folder.path, { recursive: true });
      expect(replacedFile(at(name))).to.deep.equal({ target: target(to) });
      expect(readdirSync(folder.path, { recursive: true })).to.deep.equal(before);
    });

  for (const [name, found, sentence] of [
    ['pipe', 'a pipe', 'it is a pipe, not a file'],
    ['to-pipe', 'a pipe', 'it is a pipe, not a file'],
    ['to-null', 'a device', 'it is a device, not a file'],
    ['folder', 'a folder', 'it is a folder, not a file'],
    ['file/x', 'a file in place of a folder', 'a part of its path is a file, not a folder'],
    ['file/x/y', 'a file in place of a folder', 'a part of its path is a file, not a folder'],
    ['gone/x', 'no folder', `there is no folder ${at('gone')}`],
    ['to-nowhere', 'no folder', `there is no folder ${realpathSync(folder.path)}/gone`],
    ['one', 'a loop of links', 'its links form a loop'],
    ['x'.repeat(256), 'a name that is too long', 'its name is too long for this system'],
  ] as const)
    it(`says of ${name.slice(0, 20)}: ${sentence.replace(folder.path, '')}`, () =>
      expect(replacedFile(at(name))).to.deep.equal({ flaw: { found, sentence } }));

  it('says of a folder that takes no file why', function () {
    // Root may do everything.
    if (isRoot) this.skip();
    const sentence = `no file can be made in ${target('closed')} (EACCES)`;
    expect(replacedFile(at('closed/x'))).to.deep.equal({ flaw: { found: 'a folder that takes no file', sentence } });
  });

  it('does not follow a link that another user has put into a shared folder', function () {
    // Only root can make such a link here.
    if (!isRoot) this.skip();
    mkdirSync(at('shared'));
    symlinkSync(at('file'), at('shared/trap'));
    lchownSync(at('shared/trap'), NOBODY, NOBODY);
    expect(replacedFile(at('shared/trap'))).to.deep.equal({ target: target('file') });
    chmodSync(at('shared'), 0o1777);
    expect(replacedFile(at('shared/trap'))).to.deep.equal({
      flaw: { found: 'a link of another user', sentence: 'it is a link that another user has made' },
    });
  });
});
