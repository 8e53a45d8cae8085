// SPDX-License-Identifier: LGPL-2.1-only
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ModuleListError } from '../driver_errors.js';
import { packageRoot } from './package_paths.js';

export const isFolder = (path: string): boolean => existsSync(path) && statSync(path).isDirectory();

function subfolders(path: string): string[] {
  if (!isFolder(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(path, entry.name))
    .sort();
}

/** Folders of extensions: extensions/hypervisor_* and src_* of the package and of the current folder, then those that are given, with their subfolders. */
export function extensionFolders(given: readonly string[]): string[] {
  const bases = [...new Set([packageRoot, process.cwd()])];
  const found = bases.flatMap((base) => [
    ...subfolders(join(base, 'extensions')).filter((path) => basename(path).startsWith('hypervisor_')),
    ...subfolders(base).filter((path) => basename(path).startsWith('src_')),
  ]);
  const outside = given.map((path) => resolve(path)).flatMap((full) => [full, ...subfolders(full)]);
  return oncePerFolder([...found, ...outside]);
}

/** The first path to each folder: a link to the package's extensions has no more of them. */
function oncePerFolder(folders: readonly string[]): string[] {
  const first = new Map<string, string>();
  for (const path of folders) {
    const real = isFolder(path) ? realpathSync(path) : path;
    if (!first.has(real)) first.set(real, path);
  }
  return [...first.values()];
}

/** The module files directly in a folder. */
export function moduleFilesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.modules'))
    .sort()
    .map((name) => join(folder, name));
}

/** What the names of extensions' folders begin with. */
const EXTENSION_PREFIX = /^hypervisor_(example_)?/;

/** The names of the extension to which a module file belongs, shortest first: of its file and of its folder. */
export function extensionNames(file: string): string[] {
  const folder = basename(dirname(file));
  return [basename(file, '.modules'), folder.replace(EXTENSION_PREFIX, ''), basename(file), folder];
}

/** The module files of all extensions. @param folders where to look besides the package and the current folder */
export const knownModuleFiles = (folders: readonly string[]): string[] =>
  extensionFolders(folders).flatMap(moduleFilesIn);

/** Whether a text can be the name of an extension. A text with a dot or a slash is a path. */
export const isExtensionName = (text: string): boolean => /^\w+$/.test(text);

/**
 * The module file that a name or a path means, as for `bfm run -m`.
 *
 * @returns a path. @throws ModuleListError if no extension, or more than one, has the name
 */
export function moduleFileOf(name: string): string {
  if (!isExtensionName(name)) return name;
  const known = knownModuleFiles([]);
  const [file, ...others] = known.filter((each) => extensionNames(each).includes(name));
  if (file !== undefined && others.length === 0) return file;
  if (file === undefined && existsSync(name)) return name;
  const expected =
    file === undefined
      ? known.map((each) => basename(each, '.modules')).join(', ')
      : 'a name that only one extension has';
  const found =
    file === undefined
      ? `no extension has the name ${name}`
      : `${name} is the name of ${[file, ...others].join(' and ')}`;
  throw new ModuleListError(
    `${found}; give the path of a module file, or one of: ${known.map((each) => basename(each, '.modules')).join(', ')}`,
    {
      details: { where: name, found, expected, advice: 'give the path of a module file' },
    },
  );
}
