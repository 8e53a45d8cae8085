// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { RootTree } from '../../../src/bfm/make_guest/root_tree.js';
import { needsGnuTar } from './fake_debian.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

const folder = temporaryFolder();

/** Writes the parts of two packages, and a dpkg-deb that packs them with the tar of the host. */
function writePackages(): string {
  folder.write('one/data/bin/tool', 'a program');
  folder.write('one/data/usr/share/base-passwd/passwd.master', 'root::0:0::/root:/bin/sh\n');
  folder.write('one/data/usr/share/base-passwd/group.master', 'root:*:0:\n');
  folder.write('one/data/usr/share/doc/one/copyright', 'long');
  folder.write('one/data/etc/one.conf', '1');
  folder.write('one/control/control', 'Package: one\nVersion: 1\nArchitecture: all\nDescription: x\n more\n');
  folder.write('one/control/postinst', '#!/bin/sh\n');
  folder.write('two/data/lib/libtwo.so', 'a library');
  folder.write('two/control/control', 'Package: two\nArchitecture: amd64\nMulti-Arch: same\n');
  folder.write('two/control/md5sums', '0 lib/libtwo.so\n');
  const program = `#!/bin/sh
case $1 in
--fsys-tarfile) tar -c -C "${folder.path}/$(basename "$2")/data" -f - . ;;
-e) cp "${folder.path}/$(basename "$2")"/control/* "$3" ;;
esac
`;
  chmodSync(folder.write('bin/dpkg-deb', program), 0o755);
  return join(folder.path, 'bin');
}

describe('RootTree', () => {
  needsGnuTar();
  const before = process.env.PATH;
  let tree: RootTree;
  beforeEach(async () => {
    process.env.PATH = [writePackages(), before].join(delimiter);
    const work = mkdtempSync(join(folder.path, 'work-'));
    tree = new RootTree(join(work, 'root'), { folder: work, signal: new AbortController().signal });
    for (const name of ['one', 'two']) await tree.unpack({ name, path: join(folder.path, name), fullName: name });
  });
  afterEach(() => (process.env.PATH = before));
  const read = (path: string): string => readFileSync(join(tree.folder, path), 'utf8');

  it("unpacks through Debian's links into /usr, without documents", () => {
    expect(readlinkSync(join(tree.folder, 'bin'))).to.equal('usr/bin');
    expect([read('usr/bin/tool'), read('usr/lib/libtwo.so')]).to.deep.equal(['a program', 'a library']);
    expect(readdirSync(join(tree.folder, 'usr/share/doc'))).to.deep.equal([]);
  });

  it("writes dpkg's database: each package is unpacked, with its files and its scripts", () => {
    tree.finish();
    expect(read('var/lib/dpkg/status')).to.equal(
      [
        'Package: one\nStatus: install ok unpacked\nVersion: 1\nArchitecture: all\nDescription: x\n more\n\n',
        'Package: two\nStatus: install ok unpacked\nArchitecture: amd64\nMulti-Arch: same\n\n',
      ].join(''),
    );
    expect(readdirSync(join(tree.folder, 'var/lib/dpkg/info')).sort()).to.deep.equal([
      'format',
      'one.list',
      'one.postinst',
      'two:amd64.list',
      'two:amd64.md5sums',
    ]);
    const list = read('var/lib/dpkg/info/one.list').split('\n');
    expect(list).to.include.members(['/.', '/bin', '/bin/tool', '/etc/one.conf']);
    expect(list.filter((name) => name.startsWith('.') || name.endsWith('/'))).to.deep.equal([]);
  });

  it('has the users that scripts of packages need, and a file system table', () => {
    tree.finish();
    expect(read('etc/passwd')).to.equal('root::0:0::/root:/bin/sh\n');
    expect(readlinkSync(join(tree.folder, 'usr/bin/awk'))).to.equal('mawk');
    expect(read('etc/fstab')).to.match(/^\/dev\/vda \/ ext4 /);
    tree.write('a/script', 'x', 0o755);
    expect(statSync(join(tree.folder, 'a/script')).mode & 0o777).to.equal(0o755);
  });
});
