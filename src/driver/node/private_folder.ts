// SPDX-License-Identifier: LGPL-2.1-only
import { lstatSync, type Stats } from 'node:fs';

/** Permission bits of group and others. */
const OTHERS = 0o077;

/** Permission bits with which group and others change a file. */
const OTHERS_WRITE = 0o022;

function foreignOwner(path: string, { uid }: Stats): string | undefined {
  // Windows has no user ids.
  const own = process.getuid?.() ?? uid;
  return uid === own ? undefined : `${path} belongs to user ${uid}, not to you (${own})`;
}

const octal = (mode: number): string => `0${(mode & 0o777).toString(8)}`;

/**
 * Why a folder does not belong to this user alone: others could write or read in it. A link is never private, wherever it leads.
 *
 * @returns undefined for a private folder. @throws if there is nothing
 */
export function whyNotPrivateFolder(path: string): string | undefined {
  const found = lstatSync(path);
  if (!found.isDirectory()) return `${path} is not a folder`;
  const foreign = foreignOwner(path, found);
  if (foreign !== undefined || process.getuid === undefined || (found.mode & OTHERS) === 0) return foreign;
  return `${path} has mode ${octal(found.mode)}: others have access; it must be 0700 (chmod 700 ${path})`;
}

/** Whether only this user can have written a file: it is not a link, not a device, and not another user's. False if there is none. */
export function isOwnFile(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isFile() !== true) return false;
  return foreignOwner(path, found) === undefined && (process.getuid === undefined || (found.mode & OTHERS_WRITE) === 0);
}
