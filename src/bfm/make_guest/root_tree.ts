// SPDX-License-Identifier: LGPL-2.1-only
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { DownloadedPackage } from './debian_archive.js';
import { runTool, type ToolPlace } from './tool.js';

/** Debian's /bin, /lib and so on are links to the folders of /usr since version 12; each package is unpacked through them. */
const merged = ['bin', 'lib', 'lib64', 'sbin'];
/** What nobody reads on a serial console. */
const leftOut = ['doc', 'info', 'lintian', 'locale', 'man'].map((name) => `./usr/share/${name}/*`);

/** dpkg-deb -x would replace those links by folders. Prints the names of what it unpacks. */
const UNPACK = `dpkg-deb --fsys-tarfile "$1" | tar -xpv --keep-directory-symlink ${leftOut.map((each) => `--exclude='${each}'`).join(' ')} -C "$2" -f -`;

/** The root of a Debian system whose packages are unpacked and not configured, as debootstrap leaves it after its first stage. */
export class RootTree {
  private status = '';

  /** @param folder where it is; it must not exist @param place where tools work */
  constructor(
    readonly folder: string,
    private readonly place: ToolPlace,
  ) {
    mkdirSync(this.path('usr'), { recursive: true });
    for (const name of merged) {
      mkdirSync(this.path('usr', name));
      symlinkSync(`usr/${name}`, this.path(name));
    }
    mkdirSync(this.dpkg('info'), { recursive: true });
    mkdirSync(this.dpkg('updates'));
    writeFileSync(this.dpkg('info', 'format'), '1\n');
  }

  /** Unpacks a package, and tells dpkg's database that it is unpacked. @throws GuestError */
  async unpack({ path }: DownloadedPackage): Promise<void> {
    const list = (await runTool('sh', ['-c', UNPACK, 'sh', path, this.folder], this.place)).toString();
    const control = mkdtempSync(join(this.place.folder, 'control-'));
    await runTool('dpkg-deb', ['-e', path, control], this.place);
    const fields = readFileSync(join(control, 'control'), 'utf8').trimEnd();
    const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(fields)?.[1];
    const sameForEach = field('Multi-Arch') === 'same' ? `:${field('Architecture')}` : '';
    const stem = `${field('Package')}${sameForEach}`;
    for (const name of readdirSync(control))
      if (name !== 'control') copyFileSync(join(control, name), this.dpkg('info', `${stem}.${name}`));
    writeFileSync(this.dpkg('info', `${stem}.list`), RootTree.installedNames(list));
    this.status += `${fields.replace(/^Package: .*/m, '$&\nStatus: install ok unpacked')}\n\n`;
    rmSync(control, { recursive: true });
  }

  /** Writes a file, and the folders that it is in. */
  write(path: string, content: string | Uint8Array, mode = 0o644): void {
    const full = this.path(path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content, { mode });
  }

  /** Writes what the first boot finds before any package is configured. */
  finish(): void {
    this.write('var/lib/dpkg/status', this.status);
    for (const name of ['available', 'diversions', 'statoverride']) this.write(`var/lib/dpkg/${name}`, '');
    // The scripts of packages need users and awk before the packages that bring them are configured.
    for (const name of ['passwd', 'group'])
      this.write(`etc/${name}`, readFileSync(this.path('usr/share/base-passwd', `${name}.master`)));
    if (!existsSync(this.path('usr/bin/awk'))) symlinkSync('mawk', this.path('usr/bin/awk'));
    this.write('etc/hostname', 'debian\n');
    this.write('etc/hosts', '127.0.0.1 localhost\n127.0.1.1 debian\n');
    this.write('etc/fstab', '/dev/vda / ext4 defaults 0 1\n');
  }

  /** The names of tar, as dpkg keeps them: `./etc/` is /etc, and the root is /. */
  private static installedNames(list: string): string {
    return list.replace(/^\.(\/.*?)\/?$/gm, '$1').replace(/^\/$/m, '/.');
  }

  private path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  private dpkg(...names: string[]): string {
    return this.path('var/lib/dpkg', ...names);
  }
}
