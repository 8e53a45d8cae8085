// SPDX-License-Identifier: LGPL-2.1-only
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileFlaw } from '../../driver/node/file_flaw.js';
import { FileError } from '../failures/file_error.js';
import { UsageError } from '../failures/usage_error.js';

/** The package's root folder: this file runs from build/src/bfm. */
export const packageRoot = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', '..');

const isFolder = (path: string): boolean => existsSync(path) && statSync(path).isDirectory();

function subfolders(path: string): string[] {
  if (!isFolder(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(path, entry.name))
    .sort();
}

/** Refuses missing folders of `-e`, even if no name has to be looked up in them. @throws FileError */
export function checkExtensionFolders(given: readonly string[]): void {
  for (const path of given)
    if (!isFolder(resolve(path))) {
      const flaw = fileFlaw(resolve(path)) ?? { found: 'a file', sentence: 'it is a file, not a folder' };
      const why =
        flaw.found === 'nothing' ? 'there is no such folder' : flaw.sentence.replace('not a file', 'not a folder');
      throw new FileError(`-e ${path}: ${why}`, { details: { where: '-e', found: flaw.found, expected: 'a folder' } });
    }
}

/** Folders of extensions: extensions/hypervisor_* and src_* of the package and of the current folder, then those given by `-e`. */
export function extensionFolders(given: readonly string[]): string[] {
  const bases = [...new Set([packageRoot, process.cwd()])];
  const found = bases.flatMap((base) => [
    ...subfolders(join(base, 'extensions')).filter((path) => basename(path).startsWith('hypervisor_')),
    ...subfolders(base).filter((path) => basename(path).startsWith('src_')),
  ]);
  checkExtensionFolders(given);
  const outside = given.map((path) => resolve(path)).flatMap((full) => [full, ...subfolders(full)]);
  return [...new Set([...found, ...outside])];
}

/** The module files directly in a folder. */
function moduleFilesOf(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.modules'))
    .sort()
    .map((name) => join(folder, name));
}

/** What the names of extensions' folders begin with. */
const EXTENSION_PREFIX = /^hypervisor_(example_)?/;

function matches(file: string, name: string): boolean {
  const folder = basename(dirname(file));
  const stem = basename(file, '.modules');
  return [basename(file), stem, folder, folder.replace(EXTENSION_PREFIX, '')].includes(name);
}

/**
 * The module file that `-m` means: a path, or the name of an extension that is found in the extension folders.
 * @param folders those given by `-e`.
 * @param how the option before the name on the command line, for errors.
 * A plain word is the name of an extension first: a file of that name in the current folder, which may belong to anybody, does not replace it.
 * @returns an absolute path.
 * @throws FileError if there is none; UsageError if a name means more than one.
 */
export function findModuleFile(name: string, folders: readonly string[], how = '-m'): string {
  if (name === '') throw UsageError.ofOption(how, name, 'a module file or the name of an extension');
  const path = resolve(name);
  const flaw = fileFlaw(path);
  const isPlainName = /^\w+$/.test(name);
  if (flaw === undefined && !isPlainName) return path;
  const known = extensionFolders(folders).flatMap(moduleFilesOf);
  const found = known.filter((file) => matches(file, name));
  if (found.length > 1) throw new UsageError(`${how} ${name} matches more than one module file: ${found.join(', ')}`);
  if (found[0] !== undefined) return found[0];
  if (flaw === undefined) return path;
  // The name is the path of something that exists.
  if (flaw.found !== 'nothing')
    throw new FileError(`${how} ${name}: ${flaw.sentence}, and no extension has that name${hint(path)}`, {
      details: { where: how, found: flaw.found, expected: 'a module file' },
    });
  const names = known.map((file) => basename(file, '.modules')).join(', ');
  throw new FileError(
    `${how} ${name}: there is no such file, and no extension of that name${names === '' ? '' : ` (known extensions: ${names})`}`,
    { details: { where: how, found: name, expected: `a module file, or one of ${names}` } },
  );
}

/** The name by which `-m` finds a module file; the path if no extension's name leads to it. */
export function moduleName(file: string): string {
  const known = extensionFolders([]).flatMap(moduleFilesOf);
  const names = [basename(file, '.modules'), basename(dirname(file)).replace(EXTENSION_PREFIX, '')];
  const isItsName = (name: string): boolean => {
    const found = known.filter((each) => matches(each, name));
    return found.length === 1 && found[0] === file;
  };
  return names.find(isItsName) ?? file;
}

/** A folder with module files: the user probably meant one of them. */
function hint(folder: string): string {
  const [first] = isFolder(folder) ? moduleFilesOf(folder) : [];
  return first === undefined ? '' : ` (there is ${relative('.', first)})`;
}
