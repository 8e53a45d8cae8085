// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DebianArchive } from '../../../src/bfm/make_guest/debian_archive.js';
import { GuestError } from '../../../src/bfm/guests/guest_error.js';
import { Progress } from '../../../src/bfm/make_guest/progress.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { KERNEL, useFakeDebian } from './fake_debian.js';

const folder = temporaryFolder();

describe('DebianArchive', () => {
  const fake = useFakeDebian(folder);
  let text: string;
  let archive: DebianArchive;
  beforeEach(() => {
    text = '';
    const work = mkdtempSync(join(folder.path, 'work-'));
    const output = { write: (chunk: string | Uint8Array) => void (text += String(chunk)) };
    archive = new DebianArchive({ folder: work, signal: new AbortController().signal }, new Progress(output, false));
  });

  it('finds the package that a meta package depends on', async () => {
    expect(await archive.dependency('linux-image-cloud-amd64', /^linux-image-\d/)).to.equal(KERNEL);
    const error = await archive.dependency('linux-image-cloud-amd64', /^other/).catch((each: unknown) => each);
    expect(error).to.be.instanceOf(GuestError);
    expect((error as GuestError).message).to.match(
      /on which linux-image-cloud-amd64 depends: .* \/\^other\/, and apt-cache depends names linux-image-6.* run apt-get update .*--kernel FILE/,
    );
  });

  it('downloads and unpacks packages, in the order of the names, and says so', async () => {
    const [busybox, kernel] = await archive.obtain(['busybox-static', KERNEL]);
    expect([busybox!.name, kernel!.name]).to.deep.equal(['busybox-static_1:2_amd64', `${KERNEL}_1:2_amd64`]);
    expect(readFileSync(join(busybox!.folder, 'bin/busybox'), 'utf8')).to.equal('busybox');
    expect(text.split('\n')).to.deep.equal([
      `bfm: downloading busybox-static ${KERNEL} (0.0 MB)`,
      'bfm: unpacking busybox-static',
      `bfm: unpacking ${KERNEL}`,
      '',
    ]);
  });

  it('asks apt what an empty system needs', async () => {
    expect(await archive.withDependencies(['qemu-system-x86'])).to.deep.equal(['base-passwd', 'qemu-system-x86']);
  });

  it('fails with what apt says if the network is down', async () => {
    fake.downloadSays("E: Failed to fetch http://archive/x.deb  Temporary failure resolving 'archive'");
    const error = await archive.obtain(['busybox-static']).catch((each: unknown) => each);
    expect(error).to.be.instanceOf(GuestError);
    expect((error as GuestError).message).to.match(/Temporary failure resolving[^]*check the network connection/);
  });

  it('refuses an unknown package', async () => {
    const error = await archive.obtain(['busybox-static', 'busy box']).catch((each: unknown) => each);
    expect(error).to.be.instanceOf(GuestError);
    expect((error as GuestError).message).to.contain('busy box');
  });
});
