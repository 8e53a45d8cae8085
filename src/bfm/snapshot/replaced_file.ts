// SPDX-License-Identifier: LGPL-2.1-only
import { randomUUID } from 'node:crypto';
import { closeSync, lstatSync, openSync, readlinkSync, realpathSync, rmSync, statSync, type Stats } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { codeOf, flawOfKind, flawOfLookUp, type FileFlaw } from '../../driver/node/file_flaw.js';

/** Mode bits of a folder like `/tmp`, in which everybody makes files and nobody removes those of others. */
const SHARED = 0o1002;

/** Why a path cannot be replaced. */
class FlawedPath extends Error {
  constructor(readonly flaw: FileFlaw) {
    super(flaw.sentence);
  }
}

/**
 * Another user can put a link into a shared folder that leads to a file of ours. Linux does not follow such links either (`protected_symlinks`).
 */
function isTrap(folder: string, link: Stats): boolean {
  const { mode, uid } = statSync(folder);
  return (mode & SHARED) === SHARED && link.uid !== uid && link.uid !== process.getuid?.();
}

/** Where links lead: there is a file, or one can be made. @throws FlawedPath; the system's error */
function targetOf(path: string): string {
  const folder = realFolder(path);
  const place = join(folder, basename(path));
  const status = lstatSync(place, { throwIfNoEntry: false });
  if (status?.isSymbolicLink() !== true) return place;
  if (isTrap(folder, status))
    throw new FlawedPath({ found: 'a link of another user', sentence: 'it is a link that another user has made' });
  // Fails if the links form a loop.
  statSync(place, { throwIfNoEntry: false });
  const link = readlinkSync(place);
  return targetOf(isAbsolute(link) ? link : `${folder}/${link}`);
}

function realFolder(path: string): string {
  const folder = dirname(path);
  try {
    return realpathSync(folder);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    throw new FlawedPath({ found: 'no folder', sentence: `there is no folder ${folder}` });
  }
}

/** A name for the new file while it is written. It is next to the old one, as a rename wants it. */
export const partialOf = (target: string): string => join(dirname(target), `bfm-${randomUUID()}.partial`);

/** @throws FlawedPath if the folder takes no file */
function tryFolder(target: string): void {
  const partial = partialOf(target);
  try {
    closeSync(openSync(partial, 'wx', 0o600));
    rmSync(partial);
  } catch (error) {
    const sentence = `no file can be made in ${dirname(target)} (${codeOf(error)})`;
    throw new FlawedPath({ found: 'a folder that takes no file', sentence });
  }
}

/**
 * The file that a path leads to, which need not exist, if a new file can replace it. Links stay: what they lead to is replaced. A rename would
 * replace a device, a pipe or a socket too, so they are refused.
 */
export function replacedFile(path: string): { readonly target: string } | { readonly flaw: FileFlaw } {
  try {
    const target = targetOf(path);
    const status = statSync(target, { throwIfNoEntry: false });
    const flaw = status && flawOfKind(status);
    if (flaw !== undefined) return { flaw };
    tryFolder(target);
    return { target };
  } catch (error) {
    return { flaw: error instanceof FlawedPath ? error.flaw : flawOfLookUp(path, error) };
  }
}
