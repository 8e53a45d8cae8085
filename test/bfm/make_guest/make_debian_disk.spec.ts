// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { guestCatalog } from '../../../src/bfm/guests/guest_catalog.js';
import { makeDebianDisk, type Configure } from '../../../src/bfm/make_guest/make_debian_disk.js';
import { Progress } from '../../../src/bfm/make_guest/progress.js';
import { packageRoot } from '../../../src/driver/node/package_paths.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { KERNEL, needsGnuTar, useFakeDebian, VERSION } from './fake_debian.js';

const folder = temporaryFolder();

describe('makeDebianDisk', () => {
  needsGnuTar();
  useFakeDebian(folder);

  it('unpacks all packages, adds the modules of the kernel, and lets the guest configure them', async () => {
    const work = mkdtempSync(join(folder.path, 'work-'));
    const result = mkdtempSync(join(folder.path, 'result-'));
    let configured: Parameters<Configure> | undefined;
    const packages = await makeDebianDisk(
      guestCatalog['debian-disk'],
      {
        result,
        work,
        progress: new Progress({ write: () => {} }, false),
        signal: new AbortController().signal,
        extraPackages: ['qemu-system-x86'],
      },
      (...given) => {
        configured = given;
        return Promise.resolve();
      },
    );
    expect(packages.slice(2)).to.deep.equal(['base-passwd_1:2_amd64', 'qemu-system-x86_1:2_amd64']);
    const root = join(work, 'root');
    expect(
      readFileSync(join(root, 'var/lib/dpkg/status'), 'utf8').match(/^Status: install ok unpacked$/gm),
    ).to.have.length(2);
    expect(existsSync(join(root, 'usr/lib/modules', VERSION, 'kvm_intel.ko'))).to.equal(true);
    expect(readFileSync(join(root, 'configure'), 'utf8')).to.equal(
      readFileSync(join(packageRoot, 'guests/debian/configure.sh'), 'utf8'),
    );
    expect(packages[0]).to.equal(`${KERNEL}_1:2_amd64`);
    const [guest, count] = configured!;
    expect(count).to.equal(2);
    expect(guest.commandLine).to.match(/^console=ttyS0 .*root=\/dev\/vda init=\/configure$/);
    expect([guest.kernel, guest.initrd!, guest.disk].map((path) => existsSync(path))).to.deep.equal([true, true, true]);
  });
});
