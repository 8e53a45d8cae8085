// SPDX-License-Identifier: LGPL-2.1-only
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { TemporaryFolder } from '../../driver/node/temporary_folder.js';

/** The kernel that the fake archive has. */
export const KERNEL = 'linux-image-6.9.9-cloud-amd64';
export const VERSION = '6.9.9-cloud-amd64';
/** The packages in which Debian has that kernel since Linux 7, besides the one that depends on them. */
export const PARTS = ['linux-base', 'linux-binary', 'linux-modules'].map((part) => `${part}-${VERSION}`);
/** What each package is made of when apt has "downloaded" it: seven bytes. */
const PACKAGE = 'package';

/** What an empty system needs, whatever it is for. */
const SYSTEM = ['base-passwd', 'qemu-system-x86'];

/** Programs named apt-cache, apt-get, dpkg-deb, mke2fs and debugfs, first in PATH, and a cache folder of each test's own. */
export interface FakeDebian {
  /** XDG_CACHE_HOME of the test. */
  readonly cacheHome: string;
  /** Where guests are kept. */
  readonly guests: string;
  /** From now on the kernel is in packages of its parts. */
  splitsKernel(): void;
  /** From now on apt-get download fails with this on stderr. */
  downloadSays(complaint: string): void;
  /** From now on no program is found. */
  withoutPrograms(): void;
}

/** The text of a module's file: the kernel's build puts what it needs between zero bytes. */
export const moduleText = (needs: string): string => `\u007fELF\0license=GPL\0depends=${needs}\0name=x\0`;

/** Each part of the kernel goes into its package, below /usr; the kernel's own package has nothing but its documentation. */
function splitKernel(folder: TemporaryFolder): void {
  const at = (path: string): string => join(folder.path, path);
  const [base, binary, modules] = PARTS.map((part) => {
    const path = at(`trees/${part}/usr/lib/modules/${VERSION}`);
    mkdirSync(path, { recursive: true });
    return path;
  }) as [string, string, string];
  const from = at(`trees/${KERNEL}/lib/modules/${VERSION}`);
  renameSync(join(from, 'modules.builtin'), join(base, 'modules.builtin'));
  renameSync(at(`trees/${KERNEL}/boot/vmlinuz-${VERSION}`), join(binary, 'vmlinuz'));
  renameSync(join(from, 'kernel'), join(modules, 'kernel'));
  rmSync(at(`trees/${KERNEL}`), { recursive: true });
  folder.write(`trees/${KERNEL}/usr/share/doc/${KERNEL}/changelog`, 'split');
  folder.write(
    'depends',
    ' |Depends: dracut\n  Depends: <linux-initramfs-tool>\n' + PARTS.map((part) => `  Depends: ${part}\n`).join(''),
  );
}

function writeTrees(folder: TemporaryFolder): void {
  rmSync(join(folder.path, 'trees'), { recursive: true, force: true });
  folder.write('depends', '');
  const modules = `trees/${KERNEL}/lib/modules/${VERSION}`;
  folder.write(`trees/${KERNEL}/boot/vmlinuz-${VERSION}`, 'the kernel');
  folder.write(
    `${modules}/modules.builtin`,
    'kernel/drivers/char/hw_random/rng-core.ko\nkernel/drivers/block/virtio_blk.ko\n',
  );
  const needs = {
    'drivers/virtio/virtio_pci': 'virtio,virtio_ring',
    'drivers/virtio/virtio': 'virtio_ring',
    'drivers/virtio/virtio_ring': '',
    'drivers/char/hw_random/virtio-rng': 'virtio,virtio_ring,rng-core',
    'drivers/char/virtio_console': 'virtio,virtio_ring',
    'arch/x86/kvm/kvm-intel': 'kvm',
    'arch/x86/kvm/kvm': '',
  };
  for (const [path, list] of Object.entries(needs)) folder.write(`${modules}/kernel/${path}.ko`, moduleText(list));
  folder.write('trees/busybox-static/bin/busybox', 'busybox');
  for (const name of ['passwd', 'group'])
    folder.write(`trees/base-passwd/usr/share/base-passwd/${name}.master`, 'root');
  folder.write('trees/qemu-system-x86/bin/qemu', 'qemu');
  for (const name of SYSTEM) folder.write(`control/${name}/control`, `Package: ${name}\nArchitecture: amd64\n`);
}

function writePrograms(folder: TemporaryFolder): string {
  const programs = {
    'apt-cache': `
      echo "$2"
      case $2 in
      ${KERNEL}) cat "${folder.path}/depends" ;;
      *) echo "  Depends: ${KERNEL}" ;;
      esac`,
    // download [--print-uris] -qq NAME:amd64 …
    'apt-get': `
      case " $* " in *" -s "*) printf 'Inst %s (1:2)\\n' ${SYSTEM.join(' ')}; exit 0 ;; esac
      for name in "$@"; do
        case $name in *:amd64) ;; *) continue ;; esac
        file="\${name%:amd64}_1%3a2_amd64.deb"
        case "$*" in
        *--print-uris*) echo "'http://archive/$file' $file ${PACKAGE.length} SHA256:0" ;;
        *)
          [ -n "$FAKE_APT_HANGS" ] && exec sleep 600
          [ -n "$FAKE_APT_SAYS" ] && echo "$FAKE_APT_SAYS" >&2 && exit 100
          printf ${PACKAGE} >"$file" ;;
        esac
      done`,
    // -x FILE FOLDER, -e FILE FOLDER, --fsys-tarfile FILE
    'dpkg-deb': `
      name=$(basename "$2"); name=\${name%%_*}
      case $1 in
      -x) mkdir -p "$3"; cp -r "${folder.path}/trees/$name/." "$3" ;;
      -e) cp "${folder.path}/control/$name/control" "$3" ;;
      --fsys-tarfile) tar -c -C "${folder.path}/trees/$name" -f - . ;;
      esac`,
    mke2fs: 'while [ $# -gt 2 ]; do shift; done; : >"$1"',
    debugfs: 'exit 0',
  };
  for (const [name, text] of Object.entries(programs))
    chmodSync(folder.write(`bin/${name}`, `#!/bin/sh\n${text}\n`), 0o755);
  return join(folder.path, 'bin');
}

/** Call it in a `describe`: each test gets the fake archive, and an empty cache. */
export function useFakeDebian(folder: TemporaryFolder): FakeDebian {
  const names = ['PATH', 'XDG_CACHE_HOME', 'FAKE_APT_SAYS', 'FAKE_APT_HANGS'] as const;
  let saved: Partial<Record<string, string | undefined>>;
  let cacheHome = '';
  beforeEach(() => {
    saved = Object.fromEntries(names.map((name) => [name, process.env[name]]));
    writeTrees(folder);
    cacheHome = mkdtempSync(join(folder.path, 'cache-'));
    process.env.PATH = [writePrograms(folder), process.env.PATH].join(delimiter);
    process.env.XDG_CACHE_HOME = cacheHome;
  });
  afterEach(() => {
    for (const name of names) {
      const value = saved[name];
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
  return {
    get cacheHome() {
      return cacheHome;
    },
    get guests() {
      return join(cacheHome, 'bareflank', 'guests');
    },
    splitsKernel: () => splitKernel(folder),
    downloadSays: (complaint) => void (process.env.FAKE_APT_SAYS = complaint),
    withoutPrograms: () => {
      const empty = join(folder.path, 'empty');
      mkdirSync(empty, { recursive: true });
      process.env.PATH = empty;
    },
  };
}

/** Call it in a `describe` whose tests unpack packages: they are skipped where tar is another one, which does not know what Debian's knows. */
export function needsGnuTar(): void {
  before(function () {
    const { stdout } = spawnSync('tar', ['--version'], { encoding: 'utf8' });
    if (!String(stdout).includes('GNU tar')) this.skip();
  });
}
