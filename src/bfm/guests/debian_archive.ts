// SPDX-License-Identifier: LGPL-2.1-only
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { GuestError } from './guest_error.js';
import type { Progress } from './progress.js';
import { runTool, type ToolPlace } from './tool.js';

/** A package as a file that apt can download. */
interface PackageFile {
  /** The name that apt gives the file. */
  readonly file: string;
  readonly bytes: number;
}

/** A package that has been downloaded and unpacked. */
export interface UnpackedPackage {
  /** NAME_VERSION_ARCHITECTURE. */
  readonly name: string;
  /** The folder with its files. */
  readonly folder: string;
}

/** A line of `apt-get --print-uris`: 'URI' FILE BYTES CHECKSUM. */
const URI_LINE = /^'[^']+' (\S+) (\d+)/;

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

const bytesBelow = (folder: string): number =>
  readdirSync(folder).reduce(
    (sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );

/** The host's sandbox user of downloads cannot reach a private folder. apt says so if root calls it, and downloads as root then. */
const asRoot = ['-o', 'APT::Sandbox::User=root'];

/** Debian's packages, by the host's apt. It installs nothing, needs no root, and checks each file against Debian's signed lists. */
export class DebianArchive {
  /** @param place its folder gets a folder for each package */
  constructor(
    private readonly place: ToolPlace,
    private readonly progress: Progress,
  ) {}

  /** The package on which a meta package depends. @param wanted what its name looks like @throws GuestError */
  async dependency(meta: string, wanted: RegExp): Promise<string> {
    const text = (await runTool('apt-cache', ['depends', meta], this.place)).toString();
    const names = [...text.matchAll(/^\s*Depends: (\S+)$/gm)].map(([, name]) => name!);
    const name = names.find((each) => wanted.test(each));
    if (name !== undefined) return name;
    throw new GuestError(
      `apt names no kernel on which ${meta} depends; run apt-get update as root: the host's apt needs Debian's package lists`,
      { details: { where: 'apt-cache', found: names.join(', ') || 'nothing', expected: String(wanted) } },
    );
  }

  /** Downloads packages of the architecture amd64 and unpacks each into a folder. @returns them in the order of the names @throws GuestError */
  async obtain(names: readonly string[]): Promise<UnpackedPackage[]> {
    const folder = join(this.place.folder, 'packages');
    mkdirSync(folder);
    const files = await this.download(names, { ...this.place, folder });
    const unpacked: UnpackedPackage[] = [];
    for (const name of names) {
      const file = files.find((each) => each.file.startsWith(`${name}_`))!.file;
      const into = join(this.place.folder, name);
      await this.progress.step(`unpacking ${name}`, () =>
        runTool('dpkg-deb', ['-x', join(folder, file), into], this.place),
      );
      unpacked.push({ name: decodeURIComponent(file).replace(/\.deb$/, ''), folder: into });
    }
    return unpacked;
  }

  private async download(names: readonly string[], place: ToolPlace): Promise<PackageFile[]> {
    const wanted = names.map((name) => `${name}:amd64`);
    const files = await this.filesOf(names, wanted, place);
    const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
    await this.progress.step(
      `downloading ${names.join(' ')} (${megabytes(total)} MB)`,
      () => runTool('apt-get', [...asRoot, 'download', '-qq', ...wanted], place),
      () => `${megabytes(bytesBelow(place.folder))} of ${megabytes(total)} MB`,
    );
    for (const { file, bytes } of files) {
      const found = statSync(join(place.folder, file), { throwIfNoEntry: false })?.size;
      if (found === bytes) continue;
      const message = `apt-get download left ${file} with ${found ?? 'no'} bytes; ${bytes} are expected`;
      throw new GuestError(message, { details: { where: file, found: String(found), expected: String(bytes) } });
    }
    return files;
  }

  /** @param names of the packages @param wanted the same with their architecture */
  private async filesOf(names: readonly string[], wanted: readonly string[], place: ToolPlace): Promise<PackageFile[]> {
    const text = (await runTool('apt-get', ['download', '--print-uris', '-qq', ...wanted], place)).toString();
    const files = text.split('\n').flatMap((line) => {
      const [, file, bytes] = URI_LINE.exec(line) ?? [];
      return file === undefined ? [] : [{ file, bytes: Number(bytes) }];
    });
    const missing = names.filter((name) => !files.some(({ file }) => file.startsWith(`${name}_`)));
    if (missing.length === 0 && files.every(({ file }) => !file.includes('/'))) return files;
    throw new GuestError(`apt-get does not say where these packages are: ${missing.join(', ') || text}`, {
      details: { where: 'apt-get', found: text, expected: 'a file for each package' },
    });
  }
}
