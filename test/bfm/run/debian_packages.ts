// SPDX-License-Identifier: LGPL-2.1-only
// Files of Debian's packages, for specs that run what nobody here wrote. Only `npm run test:full` obtains them.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Runs a command. @returns its standard output, or undefined if it cannot be run or fails. */
export function output(command: string, args: readonly string[], folder?: string): string | undefined {
  const { status, stdout } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
  return status === 0 ? stdout : undefined;
}

/** Says in one line why tests are skipped. */
export const missing = (what: string): void => void process.stderr.write(`      ${what}\n`);

/** Downloads packages and unpacks them into one folder below `folder`. @returns that folder, or undefined if one of them cannot be had. */
export function obtain(
  folder: string,
  names: string | readonly string[],
  options: readonly string[] = [],
): string | undefined {
  const unpacked = mkdtempSync(join(folder, 'package-'));
  const wanted = typeof names === 'string' ? [names] : names;
  output('apt-get', [...options, 'download', ...wanted], unpacked);
  const files = readdirSync(unpacked);
  const isUnpacked = (file: string): boolean => output('dpkg-deb', ['-x', file, '.'], unpacked) !== undefined;
  if (files.length === wanted.length && files.every(isUnpacked)) return unpacked;
  missing(`${wanted.join(', ')}: cannot be had from apt-get here`);
  return undefined;
}

/** The package that a metapackage such as linux-image-amd64 depends on today, or the metapackage itself if apt does not know. */
export function dependency(metapackage: string, pattern: RegExp, options: readonly string[] = []): string {
  const text = output('apt-cache', [...options, 'depends', metapackage]) ?? '';
  const found = [...text.matchAll(/Depends: (\S+)$/gm)].map(([, name]) => name!);
  return found.find((name) => pattern.test(name)) ?? metapackage;
}

/** The file of a package's boot folder whose name begins and ends so. */
export function bootFile(unpacked: string, start: string, end = ''): string {
  const boot = join(unpacked, 'boot');
  const name = readdirSync(boot).find((each) => each.startsWith(start) && each.endsWith(end));
  if (name === undefined) throw new Error(`${boot} has no ${start}…${end}`);
  return join(boot, name);
}

/** The unpacked contents of a .gz file, in a file next to it. */
export function gunzipped(path: string): string {
  const target = path.replace(/\.gz$/, '');
  writeFileSync(target, gunzipSync(readFileSync(path)));
  return target;
}
