// SPDX-License-Identifier: LGPL-2.1-only
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's root folder. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
/** Where everything that is built goes. */
export const buildFolder = join(root, 'build');

/** All files below a folder (relative to the root), sorted, whose path passes `accept`. */
export function filesBelow(folder, accept) {
  const start = join(root, folder);
  if (!existsSync(start)) return [];
  return readdirSync(start, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter((path) => !path.includes('node_modules') && accept(path))
    .sort();
}

/** SHA-256 over names, from the root, and contents, so that a copy of a built checkout is fresh too. */
export function hashOf(paths, salt = '') {
  const hash = createHash('sha256').update(salt);
  for (const path of paths) hash.update(relative(root, path)).update('\0').update(readFileSync(path)).update('\0');
  return hash.digest('hex');
}

/** Runs `make` unless the stamp of that name already holds `hash` and all `outputs` exist. */
export async function unlessFresh(stamp, hash, outputs, make) {
  const file = join(buildFolder, 'stamps', stamp);
  if (existsSync(file) && readFileSync(file, 'utf8') === hash && outputs.every((output) => existsSync(output)))
    return false;
  await make();
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, hash);
  return true;
}
