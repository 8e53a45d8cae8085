// SPDX-License-Identifier: LGPL-2.1-only
// Whether anything at all happened since the last build, from the file system's records alone: every command starts with that question,
// and reading and hashing a thousand files to answer it took a third of the time to a guest's first character. Content hashes decide
// only when a record is new.
import { existsSync, readFileSync, readdirSync, statSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildFolder, root } from './paths.mjs';

const file = join(buildFolder, 'stamps', 'snapshot');
/** Where the build writes; the module cache and the stamps beside them are not its outputs. */
const outputFolders = ['src', 'test', 'extensions', 'cpu', 'guests'];

/** All files below a folder, as paths from the root, in an order that stays the same. */
function namesBelow(folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : namesBelow(path);
    return entry.isFile() && !entry.name.endsWith('lock') ? [path] : [];
  });
}

/** Size and times of a file. The time of change cannot be set, so a file that was replaced by an older one is noticed as well. */
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

/** The names of what is built: a build folder from which something was taken away is not fresh. */
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
