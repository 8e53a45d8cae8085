// SPDX-License-Identifier: LGPL-2.1-only
import { closeSync, constants, openSync, readlinkSync, readSync, statSync, type Stats } from 'node:fs';

/** Why a path cannot be read as a file. */
export interface FileFlaw {
  /** What was found there: `nothing`, `a folder`, `a device` … */
  readonly found: string;
  /** A sentence: `it is a folder, not a file`. */
  readonly sentence: string;
}

const kinds: readonly (readonly [string, (status: Stats) => boolean])[] = [
  ['a folder', (status) => status.isDirectory()],
  ['a device', (status) => status.isCharacterDevice() || status.isBlockDevice()],
  ['a pipe', (status) => status.isFIFO()],
  ['a socket', (status) => status.isSocket()],
];

/** What an error code of the system says about a path that cannot be looked up. */
const reasons: Readonly<Record<string, FileFlaw>> = {
  ELOOP: { found: 'a loop of links', sentence: 'its links form a loop' },
  ENOTDIR: { found: 'a file in place of a folder', sentence: 'a part of its path is a file, not a folder' },
  EACCES: { found: 'a folder without access', sentence: 'you have no access to a folder of its path' },
  ENAMETOOLONG: { found: 'a name that is too long', sentence: 'its name is too long for this system' },
};

/** What a path leads to, if that is no file. */
export function flawOfKind(status: Stats): FileFlaw | undefined {
  const found = kinds.find(([, isIt]) => isIt(status))?.[0];
  return found === undefined ? undefined : { found, sentence: `it is ${found}, not a file` };
}

/** The code of an error of the system: `ENOENT`. */
export const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

function flawOfMissing(path: string): FileFlaw {
  try {
    const target = readlinkSync(path);
    return { found: 'a link to nothing', sentence: `it is a link to ${target}, which does not exist` };
  } catch {
    return { found: 'nothing', sentence: 'there is no such file' };
  }
}

/** Why a path cannot be looked up. @param error of the system */
export function flawOfLookUp(path: string, error: unknown): FileFlaw {
  const code = codeOf(error);
  if (code === 'ENOENT') return flawOfMissing(path);
  return reasons[code] ?? { found: code, sentence: `it cannot be looked up: ${String(error)}` };
}

function flawOfRead(error: unknown): FileFlaw {
  const code = codeOf(error);
  if (code === 'EACCES' || code === 'EPERM')
    return { found: 'a file without access', sentence: `you may not read it (${code})` };
  return {
    found: `a file whose read fails with ${code}`,
    sentence: `a read of it fails with ${code}; name another file`,
  };
}

/** Some files of the system, in /proc, can be opened and not be read, or would keep the reader waiting. @throws the system's error */
function tryRead(path: string): void {
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    readSync(file, new Uint8Array(1));
  } finally {
    closeSync(file);
  }
}

/**
 * Why a path cannot be read as a file. A device or a pipe could be read for ever, so it is refused.
 *
 * @returns undefined for a file that can be read
 */
export function fileFlaw(path: string): FileFlaw | undefined {
  try {
    const flaw = flawOfKind(statSync(path));
    if (flaw !== undefined) return flaw;
  } catch (error) {
    return flawOfLookUp(path, error);
  }
  try {
    tryRead(path);
    return undefined;
  } catch (error) {
    return flawOfRead(error);
  }
}
