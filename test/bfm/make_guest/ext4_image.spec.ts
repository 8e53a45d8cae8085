// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { chmodSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import sinon from 'sinon';
import { makeExt4Image } from '../../../src/bfm/make_guest/ext4_image.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

const folder = temporaryFolder();

/** Programs that write down with which arguments they are called, and what the file after -f says. */
function writePrograms(): string {
  for (const name of ['mke2fs', 'debugfs'])
    chmodSync(
      folder.write(
        `bin/${name}`,
        `#!/bin/sh\necho "${name} $*" >>"${folder.path}/calls"\n[ ${name} = debugfs ] && cat "$3" >>"${folder.path}/calls"\nexit 0\n`,
      ),
      0o755,
    );
  return join(folder.path, 'bin');
}

describe('makeExt4Image', () => {
  const before = process.env.PATH;
  const make = async (): Promise<string[]> => {
    await makeExt4Image(join(folder.path, 'root'), 'disk.img', {
      folder: folder.path,
      signal: new AbortController().signal,
    });
    return readFileSync(join(folder.path, 'calls'), 'utf8').split('\n');
  };
  beforeEach(() => {
    process.env.PATH = [writePrograms(), before].join(delimiter);
    folder.write('root/etc/some "file"', Buffer.alloc(5 * 2 ** 20));
    symlinkSync('etc', join(folder.path, 'root/link'));
  });
  afterEach(() => {
    process.env.PATH = before;
    sinon.restore();
    rmSync(join(folder.path, 'calls'), { force: true });
    rmSync(join(folder.path, 'root'), { recursive: true });
  });

  it('makes a file system that has room for the content and for 256 MiB more', async () => {
    sinon.stub(process, 'getuid').returns(0);
    const calls = await make();
    expect(calls).to.have.length(2);
    expect(calls[0]).to.match(/^mke2fs -q -t ext4 .*root_owner=0:0.* -d \S+\/root disk\.img 262M$/);
  });

  it('gives the files to root if another user makes it', async () => {
    sinon.stub(process, 'getuid').returns(1000);
    const calls = await make();
    expect(calls[1]).to.match(/^debugfs -w -f \S+ disk\.img$/);
    expect(calls.slice(2, -1).sort()).to.deep.equal(
      ['"/etc"', '"/etc/some ""file"""', '"/link"']
        .flatMap((path) => [`set_inode_field ${path} gid 0`, `set_inode_field ${path} uid 0`])
        .sort(),
    );
  });
});
