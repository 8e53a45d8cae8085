// SPDX-License-Identifier: LGPL-2.1-only
// Finds out from the file system's records alone whether anything has changed since the last build. Every command starts with that question. To read
// and hash a thousand files took a third of the time to a guest's first character. Content hashes decide only if a record is new.
import { existsSync, readFileSync, readdirSync, statSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildFolder, root } from './paths.mjs';

const file = join(buildFolder, 'stamps', 'snapshot');
/** Where the build writes. The module cache and the stamps in the same folder are not its outputs. */
const outputFolders = ['src', 'test', 'extensions', 'vendor', 'cpu', 'guests'];

/** All files below a folder, as paths from the root, in an order that stays the same. */
function namesBelow(folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : namesBelow(path);
    return entry.isFile() && !entry.name.endsWith('lock') ? [path] : [];
  });
}

/** Size and times of a file. The time of change cannot be set, so replacement of a file by an older one is noticed too. */
function recordOf(path) {
  const { size, mtimeMs, ctimeMs } = statSync(`${root}/${path}`);
  return `${path} ${size} ${mtimeMs} ${ctimeMs}`;
}

/** What the build reads, as a text: take it before building. */
export function inputs() {
  const folders = readdirSync(root).filter(
    (name) => ['src', 'test', 'extensions', 'guests'].includes(name) || name.startsWith('src_'),
  );
  const single = ['scripts/build.mjs', 'package-lock.json'].filter((name) => existsSync(join(root, name)));
  return [...[...folders, 'scripts/build'].flatMap(namesBelow), ...single].map(recordOf).join('\n');
}

/** The names of the built files: a build folder with a missing file is not fresh. */
const outputs = () => outputFolders.flatMap((folder) => namesBelow(`build/${folder}`)).join('\n');

/** @param before `inputs()`. */
export function isFresh(before) {
  return existsSync(file) && readFileSync(file, 'utf8') === `${before}\n\n${outputs()}`;
}

/** Notes that what is built belongs to these inputs. @param before `inputs()` from before the build. */
export function remember(before) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${before}\n\n${outputs()}`);
}
