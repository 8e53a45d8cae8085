// SPDX-License-Identifier: LGPL-2.1-only
import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { DriverError } from '../driver_errors.js';
import { whyNotPrivateFolder } from './private_folder.js';

/** $XDG_CACHE_HOME/bareflank, or ~/.cache/bareflank. @returns undefined for a user without a home. */
export function userCacheFolder(): string | undefined {
  const base = process.env.XDG_CACHE_HOME;
  if (base !== undefined && isAbsolute(base)) return join(base, 'bareflank');
  try {
    return join(homedir(), '.cache', 'bareflank');
  } catch {
    // A user id without an entry in the system's list, as in a container.
    return undefined;
  }
}

/** Makes a folder, which may exist already. Does not use `recursive`: Node then loops for ever if mkdir answers ENOENT although the parent exists, as in /proc. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Makes a folder for its owner only, and the folder that it is in. It may exist already. @throws DriverError if others have access to it */
export function makePrivateFolder(path: string): void {
  makeFolder(dirname(path));
  makeFolder(path);
  const flaw = whyNotPrivateFolder(path);
  if (flaw !== undefined)
    throw new DriverError(flaw, { details: { where: path, expected: 'a folder of yours alone' } });
}
