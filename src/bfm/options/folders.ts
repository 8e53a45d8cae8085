// SPDX-License-Identifier: LGPL-2.1-only
import { basename, relative, resolve } from 'node:path';
import {
  extensionNames,
  isExtensionName,
  isFolder,
  knownModuleFiles,
  moduleFilesIn,
} from '../../driver/node/extension_files.js';
import { fileFlaw } from '../../driver/node/file_flaw.js';
import { FileError } from '../failures/file_error.js';
import { UsageError } from '../failures/usage_error.js';

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

/** The module files of all extensions. @param given folders of `-e` @throws FileError for one that there is not */
function knownFiles(given: readonly string[]): string[] {
  checkExtensionFolders(given);
  return knownModuleFiles(given);
}

const matches = (file: string, name: string): boolean => extensionNames(file).includes(name);

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
  if (flaw === undefined && !isExtensionName(name)) return path;
  const known = knownFiles(folders);
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
  const known = knownFiles([]);
  const isItsName = (name: string): boolean => {
    const found = known.filter((each) => matches(each, name));
    return found.length === 1 && found[0] === file;
  };
  const [ofFile, ofFolder] = extensionNames(file);
  return [ofFile!, ofFolder!].find(isItsName) ?? file;
}

/** A folder with module files: the user probably meant one of them. */
function hint(folder: string): string {
  const [first] = isFolder(folder) ? moduleFilesIn(folder) : [];
  return first === undefined ? '' : ` (there is ${relative('.', first)})`;
}
