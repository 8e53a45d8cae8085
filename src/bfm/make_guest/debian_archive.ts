// SPDX-License-Identifier: LGPL-2.1-only
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GuestError } from '../guests/guest_error.js';
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

/** A package that has been downloaded. */
export interface DownloadedPackage {
  readonly name: string;
  readonly path: string;
  /** NAME_VERSION_ARCHITECTURE. */
  readonly fullName: string;
}

/** More packages than that are counted, not named. */
const MOST_NAMES = 3;

/** What to do if Debian's kernel cannot be had. */
export const OTHER_KERNEL = 'boot files of your own: bfm run --kernel FILE --initrd FILE';

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
    const names = await this.dependencies(meta);
    const name = names.find((each) => wanted.test(each));
    if (name !== undefined) return name;
    const found = names.join(', ') || 'nothing';
    const advice = `run apt-get update as root: the host's apt needs Debian's package lists; or ${OTHER_KERNEL}`;
    throw new GuestError(
      `apt names no kernel on which ${meta} depends: bfm looks for a name ${String(wanted)}, and apt-cache depends names ${found}; ${advice}`,
      { details: { where: 'apt-cache', found, expected: String(wanted), advice } },
    );
  }

  /** The packages on which one depends, without alternatives. @throws GuestError */
  async dependencies(name: string): Promise<string[]> {
    const text = (await runTool('apt-cache', ['depends', name], this.place)).toString();
    return [...text.matchAll(/^\s*Depends: ([^\s<>]+)$/gm)].map(([, each]) => each!);
  }

  /**
   * The packages that an empty system needs for these: what they depend on, and so on. A name may be one of apt's patterns, such as ?essential.
   *
   * @throws GuestError
   */
  async withDependencies(names: readonly string[]): Promise<string[]> {
    const { folder } = this.place;
    const status = join(folder, 'empty-status');
    writeFileSync(status, '');
    // With the host's own lists of packages, but as if nothing was installed.
    const options = [`Dir::State::status=${status}`, `Dir::State::extended_states=${join(folder, 'no-states')}`]
      .concat('APT::Install-Recommends=false', 'Debug::NoLocking=true')
      .flatMap((option) => ['-o', option]);
    const text = (await runTool('apt-get', [...options, '-s', '-qq', 'install', ...names], this.place)).toString();
    const found = [...text.matchAll(/^Inst (\S+) /gm)].map(([, name]) => name!.replace(/:amd64$/, ''));
    if (found.length > 0) return found;
    throw new GuestError(`apt-get lists no packages that ${names.join(', ')} need`, {
      details: { where: 'apt-get', found: text, expected: 'a list of packages' },
    });
  }

  /**
   * Downloads packages of the architecture amd64 and unpacks each into a folder.
   *
   * @param folderOf names the folder: packages may share one. The default is one for each @returns them in the order of the names @throws GuestError
   */
  async obtain(names: readonly string[], folderOf = (name: string): string => name): Promise<UnpackedPackage[]> {
    const unpacked: UnpackedPackage[] = [];
    for (const { name, path, fullName } of await this.download(names)) {
      const folder = join(this.place.folder, folderOf(name));
      await this.progress.step(`unpacking ${name}`, () => runTool('dpkg-deb', ['-x', path, folder], this.place));
      unpacked.push({ name: fullName, folder });
    }
    return unpacked;
  }

  /** Downloads packages of the architecture amd64. @returns them in the order of the names @throws GuestError */
  async download(names: readonly string[]): Promise<DownloadedPackage[]> {
    const place = { ...this.place, folder: join(this.place.folder, 'packages') };
    mkdirSync(place.folder, { recursive: true });
    const wanted = names.map((name) => `${name}:amd64`);
    const files = await this.filesOf(names, wanted, place);
    const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
    const before = bytesBelow(place.folder);
    await this.progress.step(
      `downloading ${names.length > MOST_NAMES ? `${names.length} packages` : names.join(' ')} (${megabytes(total)} MB)`,
      () => runTool('apt-get', [...asRoot, 'download', '-qq', ...wanted], place),
      () => `${megabytes(bytesBelow(place.folder) - before)} of ${megabytes(total)} MB`,
    );
    return names.map((name) => {
      const { file, bytes } = files.find((each) => each.file.startsWith(`${name}_`))!;
      const path = join(place.folder, file);
      const found = statSync(path, { throwIfNoEntry: false })?.size;
      if (found === bytes) return { name, path, fullName: decodeURIComponent(file).replace(/\.deb$/, '') };
      const message = `apt-get download left ${file} with ${found ?? 'no'} bytes; ${bytes} are expected`;
      throw new GuestError(message, { details: { where: file, found: String(found), expected: String(bytes) } });
    });
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
