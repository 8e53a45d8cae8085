// SPDX-License-Identifier: LGPL-2.1-only
import { loadExports, portableBundle } from '../../driver/node/load_module.js';
import type { Predicate } from '../../session/explore/predicate.js';
import { FileError } from '../failures/file_error.js';

/** Loads the predicate of a file, as modules are loaded: its default export. @throws ModuleFileError, FileError */
export async function loadPredicate(path: string): Promise<Predicate> {
  const exported = (await loadExports(path)).default;
  if (typeof exported === 'function') return exported as Predicate;
  const found = exported === undefined ? 'none' : typeof exported;
  throw new FileError(
    `--until ${path}: its default export must be a function that gets a run and says whether it failed`,
    {
      details: { where: path, found: `default export: ${found}`, expected: 'export default (run) => …' },
    },
  );
}

/** The SHA-256 of what such a file does. */
export const hashOfPredicate = async (path: string): Promise<string> => (await portableBundle(path)).sha256;
