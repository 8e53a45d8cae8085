// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { guestCatalog } from '../../../src/bfm/guests/guest_catalog.js';
import { GuestError } from '../../../src/bfm/guests/guest_error.js';
import { makeDebian } from '../../../src/bfm/make_guest/make_debian.js';
import { Progress } from '../../../src/bfm/make_guest/progress.js';
import { packageRoot } from '../../../src/driver/node/package_paths.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { readCpio } from './cpio_reader.js';
import { KERNEL, PARTS, useFakeDebian, VERSION } from './fake_debian.js';

const folder = temporaryFolder();

describe('makeDebian', () => {
  const fake = useFakeDebian(folder);
  let result: string;
  const make = (): Promise<readonly string[]> =>
    makeDebian(guestCatalog.debian!, {
      result,
      work: mkdtempSync(join(folder.path, 'work-')),
      progress: new Progress({ write: () => {} }, false),
      signal: new AbortController().signal,
      extraPackages: [],
    });
  beforeEach(() => (result = mkdtempSync(join(folder.path, 'result-'))));

  it("makes Debian's kernel and a RAM disk with busybox, modules and the first process", async () => {
    expect(await make()).to.deep.equal([`${KERNEL}_1:2_amd64`, 'busybox-static_1:2_amd64']);
    expect(readFileSync(join(result, 'vmlinuz'), 'utf8')).to.equal('the kernel');
    const entries = readCpio(readFileSync(join(result, 'initrd')));
    const text = (name: string): string => entries.get(name)!.content.toString();
    expect(entries.get('bin/busybox')!.mode & 0o777).to.equal(0o755);
    expect(text('init')).to.equal(readFileSync(join(packageRoot, 'guests/debian/init.sh'), 'utf8'));
    expect(text('etc/modules'), 'virtio_blk is built into this kernel').to.equal(
      'virtio_pci\nvirtio_rng\nvirtio_console\n',
    );
    const passwd = /^root:.*:(\/\w+):/.exec(text('etc/passwd'))!;
    expect(text('etc/profile'), 'the home of root').to.include(`HOME=${passwd[1]} `);
    expect(entries.has(passwd[1]!.slice(1)), 'which is a folder').to.equal(true);
    expect(text(`lib/modules/${VERSION}/modules.dep`)).to.equal(
      [
        'virtio_ring.ko:',
        'virtio.ko: virtio_ring.ko',
        'virtio_pci.ko: virtio.ko virtio_ring.ko',
        'virtio_rng.ko: virtio.ko virtio_ring.ko',
        'virtio_console.ko: virtio.ko virtio_ring.ko',
        'kvm.ko:',
        'kvm_intel.ko: kvm.ko',
        '',
      ].join('\n'),
    );
    expect([...entries.keys()].filter((name) => name.endsWith('.ko'))).to.have.length(7);
  });

  it('finds kernel and modules in the packages that Debian splits them into since Linux 7', async () => {
    fake.splitsKernel();
    const packages = [KERNEL, ...PARTS, 'busybox-static'].map((name) => `${name}_1:2_amd64`);
    expect(await make()).to.deep.equal(packages);
    expect(readFileSync(join(result, 'vmlinuz'), 'utf8')).to.equal('the kernel');
    const names = [...readCpio(readFileSync(join(result, 'initrd'))).keys()];
    expect(names).to.include(`lib/modules/${VERSION}/kvm_intel.ko`);
    expect(names, 'it is built into this kernel').not.to.include(`lib/modules/${VERSION}/virtio_blk.ko`);
  });

  it('says if it does not know the layout of the kernel package', async () => {
    rmSync(join(folder.path, 'trees', KERNEL, 'boot'), { recursive: true });
    const error = await make().catch((each: unknown) => each);
    expect(error).to.be.instanceOf(GuestError);
    expect((error as GuestError).message).to.match(/boot has 0 entries .*bfm does not know this layout.*--kernel FILE/);
  });

  it('fails without apt', async () => {
    fake.withoutPrograms();
    const error = await make().catch((each: unknown) => each);
    expect((error as GuestError).message).to.match(
      /apt-cache cannot be run: there is no such program; install .* apt,/,
    );
  });
});
