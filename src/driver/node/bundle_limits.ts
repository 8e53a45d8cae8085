// SPDX-License-Identifier: LGPL-2.1-only
// What bounds the cache of bundles, and the folders that processes without a cache left behind when they were killed.
import { lstatSync, readdirSync, rmSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { isOwnFile, whyNotPrivateFolder } from './private_folder.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** How long a bundle stays that nobody uses. */
const MOST_UNUSED = 30 * DAY;
/** All bundles together. One is a few kilobytes, with its source map. */
const MOST_BYTES = 64 * 2 ** 20;
/** A new bundle waits until all files have been looked at, so their number is bounded too. */
const MOST_FILES = 1_000;
/** A bundle is evaluated right after it was found. A file that was used so recently may be in use, so it stays whatever the size. */
const IN_USE = 60 * MINUTE;
/** A folder for one use is removed after that use, unless its process was killed. */
const MOST_FOLDER_AGE = DAY;

/** How the names of temporary folders with a bundle begin. */
export const BUNDLE_FOLDER = 'bareflank-bundle-';

/** The names that the cache gives: a bundle or an entry, or one that a killed process had begun to write. */
const kept = /^[0-9a-f]{32}\.(mjs|json)$/;
const begun = /^[0-9a-f]{32}\.(mjs|json)\.\d+$/;

interface OldFile {
  readonly path: string;
  readonly bytes: number;
  /** Milliseconds since it was used. */
  readonly unused: number;
}

/** @returns undefined if another process has removed it. */
const found = (path: string): Stats | undefined => lstatSync(path, { throwIfNoEntry: false });

/** Another process may remove the same file at the same time. A file that cannot be removed stays. */
function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // The cache works with it too.
  }
}

function filesOf(folder: string, now: number): { file: OldFile; isKept: boolean }[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    const isKept = kept.test(name);
    if ((!isKept && !begun.test(name)) || !isOwnFile(path)) return [];
    const stats = found(path);
    if (stats === undefined) return [];
    return [{ file: { path, bytes: stats.size, unused: now - stats.mtimeMs }, isKept }];
  });
}

/**
 * Removes bundles that were not used for a month, then those that were not used for longest until the rest is bounded in size and number. Files that were
 * used within the hour stay: another process may be about to read them. Nothing but the cache's own files is touched.
 *
 * @param folder a private one, see `whyNotPrivateFolder`.
 */
export function removeOldBundles(folder: string, now = Date.now()): void {
  const files = filesOf(folder, now);
  const isOld = ({ file, isKept }: (typeof files)[number]): boolean => file.unused > (isKept ? MOST_UNUSED : IN_USE);
  for (const { file } of files.filter(isOld)) remove(file.path);
  const rest = files.filter((each) => !isOld(each)).map(({ file }) => file);
  let bytes = rest.reduce((sum, file) => sum + file.bytes, 0);
  let count = rest.length;
  for (const file of rest.sort((a, b) => b.unused - a.unused)) {
    if ((bytes <= MOST_BYTES && count <= MOST_FILES) || file.unused <= IN_USE) return;
    remove(file.path);
    bytes -= file.bytes;
    count--;
  }
}

/** Removes temporary folders with a bundle that killed processes of this user left. @param base the folder of temporary files, in which others write too */
export function removeOldFolders(base: string, now = Date.now()): void {
  for (const name of readdirSync(base)) {
    if (!name.startsWith(BUNDLE_FOLDER)) continue;
    const path = join(base, name);
    const stats = found(path);
    if (stats === undefined || now - stats.mtimeMs <= MOST_FOLDER_AGE) continue;
    if (isPrivate(path)) remove(path);
  }
}

function isPrivate(folder: string): boolean {
  try {
    return whyNotPrivateFolder(folder) === undefined;
  } catch {
    // Another process has just removed it.
    return false;
  }
}
