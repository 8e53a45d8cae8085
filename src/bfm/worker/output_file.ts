// SPDX-License-Identifier: LGPL-2.1-only
import { closeSync, constants, openSync, statSync } from 'node:fs';

/**
 * Opens a file, whose contents are replaced. A pipe that nobody reads would block this thread for ever.
 *
 * @param mode of a new file. @throws the system's error if it cannot be opened
 */
export function openOutput(path: string, mode = 0o666): number {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status?.isSocket() === true) throw new Error('it is a socket, not a file');
  if (status?.isFIFO() !== true) return openSync(path, 'w', mode);
  // Fails at once if there is no reader. It stays open until the pipe is open for writes that wait for the reader.
  const probe = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    return openSync(path, 'w');
  } finally {
    closeSync(probe);
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENXIO: 'it is a pipe that no program reads; start the reader first',
  ENOENT: 'there is no such folder; name a file in a folder of yours',
  EISDIR: 'it is a folder; name a file',
  EACCES: 'you may not write there; name a file in a folder of yours',
};

/** Why `openOutput` or a write failed, for people. */
export function reasonOfOutput(error: unknown): string {
  const known = reasons[(error as NodeJS.ErrnoException).code ?? ''];
  if (known !== undefined) return known;
  return error instanceof Error ? error.message : String(error);
}
