// SPDX-License-Identifier: LGPL-2.1-only
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { packageRoot } from '../../driver/node/package_paths.js';
import { CpioArchive } from './cpio_archive.js';
import { DebianArchive, OTHER_KERNEL } from './debian_archive.js';
import type { GuestEntry } from '../guests/guest_catalog.js';
import { GuestError } from '../guests/guest_error.js';
import { dependencyList, KernelModules, type KernelModule } from './kernel_modules.js';
import type { Workshop } from './workshop.js';

/** The package that depends on Debian's newest kernel for virtual machines. */
const META = 'linux-image-cloud-amd64';
const KERNEL = /^linux-image-(\d.*-cloud-amd64)$/;
/** Since Linux 7 that package has no files of its own: it depends on packages with the kernel, its modules, and the list of those that are built in. */
const PARTS = ['linux-binary-', 'linux-modules-', 'linux-base-'];
const BUSYBOX = 'busybox-static';

/** Modules for the devices of the simulated PC, which the guest's first process loads. */
const loaded = ['virtio_pci', 'virtio_blk', 'virtio_rng', 'virtio_console'];
/** Modules for people: modprobe kvm_intel makes the guest a hypervisor. */
const offered = ['kvm_intel'];

const inittab = `# busybox init: a login shell that starts again when it ends
ttyS0::respawn:-/bin/sh
::ctrlaltdel:/bin/reboot
::shutdown:/bin/umount -a -r
`;
/** busybox init has set HOME to /, which a newer busybox then shows as ~ in the prompt. */
const profile = `export HOME=/root PS1='debian:\\w# '\n`;

/** The only entry of a folder whose name fits. @throws GuestError */
function onlyEntry(folder: string, pattern: RegExp): string {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => pattern.test(name)) : [];
  if (names.length === 1) return join(folder, names[0]!);
  const found = names.join(', ') || 'none';
  throw new GuestError(
    `${folder} has ${names.length} entries ${String(pattern)}; bfm does not know this layout of a kernel package: ${OTHER_KERNEL}`,
    { details: { where: folder, found, expected: `one entry ${String(pattern)}`, advice: OTHER_KERNEL } },
  );
}

/** The package of the newest kernel, and those of its parts, if it has any. @throws GuestError */
async function kernelPackages(archive: DebianArchive): Promise<readonly [image: string, ...parts: string[]]> {
  const image = await archive.dependency(META, KERNEL);
  const [, version] = KERNEL.exec(image)!;
  const parts = PARTS.map((part) => `${part}${version}`);
  return [image, ...(await archive.dependencies(image)).filter((name) => parts.includes(name))];
}

/** The kernel, which Debian has in /boot, and since Linux 7 next to its modules. */
function kernelFile(unpacked: string, modules: string): string {
  const path = join(modules, 'vmlinuz');
  return existsSync(path) ? path : onlyEntry(join(unpacked, 'boot'), /^vmlinuz-/);
}

/** /lib/modules/VERSION. Since Debian 13 the kernel's packages have it below /usr. */
function modulesFolder(unpacked: string): string {
  const base = ['lib', 'usr/lib'].map((lib) => join(unpacked, lib, 'modules')).find((path) => existsSync(path));
  return onlyEntry(base ?? join(unpacked, 'lib', 'modules'), /^\d/);
}

/** busybox, which Debian 12 has in /bin and Debian 13 in /usr/bin. */
function busyboxFile(unpacked: string): string {
  const path = ['bin', 'usr/bin'].map((bin) => join(unpacked, bin, 'busybox')).find((each) => existsSync(each));
  return path ?? onlyEntry(join(unpacked, 'bin'), /^busybox$/);
}

/** The RAM disk: busybox, modules, and the first process. It is not compressed: unpacking would cost the guest more than copying. */
function ramDisk(busybox: Buffer, version: string, modules: readonly KernelModule[]): Buffer {
  const archive = new CpioArchive();
  for (const folder of ['dev', 'newroot', 'proc', 'root', 'run', 'sbin', 'sys', 'tmp']) archive.folder(folder);
  archive.file('bin/busybox', busybox, 0o755);
  for (const { name, bytes } of modules) archive.file(`lib/modules/${version}/${name}.ko`, bytes);
  archive.file(`lib/modules/${version}/modules.dep`, dependencyList(modules));
  const names = new Set(modules.map(({ name }) => name));
  archive.file(
    'etc/modules',
    loaded
      .filter((name) => names.has(name))
      .map((name) => `${name}\n`)
      .join(''),
  );
  archive.file('etc/inittab', inittab);
  archive.file('etc/profile', profile);
  archive.file('etc/hostname', 'debian\n');
  archive.file('etc/passwd', 'root::0:0:root:/root:/bin/sh\n');
  archive.file('etc/group', 'root:x:0:\n');
  archive.file('init', readFileSync(join(packageRoot, 'guests', 'debian', 'init.sh')), 0o755);
  return archive.bytes();
}

/** What a kernel package was made into. */
export interface BootFiles {
  /** NAME_VERSION_ARCHITECTURE. */
  readonly packages: readonly string[];
  /** The kernel's version, which names the folder of its modules. */
  readonly version: string;
  readonly modules: readonly KernelModule[];
}

/** Makes the kernel and the RAM disk of a guest. @throws GuestError */
export async function makeBootFiles({ files }: GuestEntry, workshop: Workshop): Promise<BootFiles> {
  const { progress, result } = workshop;
  const place = { folder: workshop.work, signal: workshop.signal };
  const archive = new DebianArchive(place, progress);
  const kernel = await kernelPackages(archive);
  const unpacked = await archive.obtain([...kernel, BUSYBOX], (name) => (name === BUSYBOX ? name : kernel[0]));
  const { folder: kernelFolder } = unpacked[0]!;
  const busybox = unpacked.at(-1)!;
  return progress.step('packing the RAM disk', async () => {
    const folder = modulesFolder(kernelFolder);
    const modules = await new KernelModules(folder, place).withNeeds([...loaded, ...offered]);
    const version = basename(folder);
    const bytes = ramDisk(readFileSync(busyboxFile(busybox.folder)), version, modules);
    writeFileSync(join(result, files.initrd), bytes, { mode: 0o600 });
    copyFileSync(kernelFile(kernelFolder, folder), join(result, files.kernel));
    return { packages: unpacked.map(({ name }) => name), version, modules };
  });
}

/** Makes the guest `debian`. @returns the packages that it used @throws GuestError */
export async function makeDebian(entry: GuestEntry, workshop: Workshop): Promise<readonly string[]> {
  return (await makeBootFiles(entry, workshop)).packages;
}
