// SPDX-License-Identifier: LGPL-2.1-only
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../driver/node/package_paths.js';
import type { GuestEntry } from '../guests/guest_catalog.js';
import { configureDisk } from './configure_disk.js';
import { DebianArchive, type DownloadedPackage } from './debian_archive.js';
import { makeExt4Image } from './ext4_image.js';
import { makeBootFiles, type BootFiles } from './make_debian.js';
import { RootTree } from './root_tree.js';
import type { Workshop } from './workshop.js';

/** apt's pattern for the packages without which Debian does not work; an init with its device manager; what people come for. */
const wanted = ['?essential', 'usr-is-merged', 'systemd-sysv', 'udev', 'dbus', 'kmod', 'login', 'passwd'].concat(
  ['gcc', 'libc6-dev'],
  ['perl', 'python3'],
);
/** In the root of the disk; guests/debian/configure.sh removes it. */
const CONFIGURE = 'configure';

async function unpackAll(packages: readonly DownloadedPackage[], workshop: Workshop): Promise<RootTree> {
  const { work, signal, progress } = workshop;
  const tree = new RootTree(join(work, 'root'), { folder: work, signal });
  let count = 0;
  await progress.step(
    `unpacking ${packages.length} packages`,
    async () => {
      for (const each of packages) {
        await tree.unpack(each);
        count++;
      }
    },
    () => `${count} of ${packages.length}`,
  );
  return tree;
}

/** Adds what no package brings: the modules of the kernel that the guest boots, and the script of the first boot. */
function complete(tree: RootTree, { version, modules }: BootFiles): void {
  tree.finish();
  for (const { name, bytes } of modules) tree.write(`usr/lib/modules/${version}/${name}.ko`, bytes);
  tree.write(CONFIGURE, readFileSync(join(packageRoot, 'guests', 'debian', 'configure.sh')), 0o755);
}

/** Configures the packages of a disk: `configureDisk`, or a stub. */
export type Configure = typeof configureDisk;

/** Makes the guest `debian-disk`. @returns the packages that it used @throws GuestError */
export async function makeDebianDisk(
  entry: GuestEntry,
  workshop: Workshop,
  configure: Configure = configureDisk,
): Promise<readonly string[]> {
  const { work, signal, result, progress, extraPackages } = workshop;
  const place = { folder: work, signal };
  const boot = await makeBootFiles(entry, workshop);
  const archive = new DebianArchive(place, progress);
  const packages = await archive.download(await archive.withDependencies([...wanted, ...extraPackages]));
  const tree = await unpackAll(packages, workshop);
  complete(tree, boot);
  const { kernel, initrd, disk = '' } = entry.files;
  const image = join(result, disk);
  await progress.step('making the file system', () => makeExt4Image(tree.folder, image, place));
  await configure(
    {
      kernel: join(result, kernel),
      initrd: join(result, initrd),
      disk: image,
      commandLine: `${entry.commandLine} init=/${CONFIGURE}`,
      memory: entry.memory ?? '',
    },
    packages.length,
    workshop,
  );
  return [...boot.packages, ...packages.map(({ fullName }) => fullName)];
}
