// SPDX-License-Identifier: LGPL-2.1-only
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { partialOf, replacedFile } from './replaced_file.js';
import { SnapshotError } from './snapshot_error.js';

/** Makes the entries of a folder safe. Where a system cannot do that with a folder, a rename is as safe as it gets. */
async function flushFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function failure(path: string, found: string, causedBy?: unknown): SnapshotError {
  return new SnapshotError(`the snapshot ${path} cannot be written: ${found}`, {
    causedBy,
    details: { where: path, found, advice: 'name a file in a folder of yours with enough room' },
  });
}

/**
 * Writes a file as a whole. Until it is complete and safe on the disk, the path leads to the old file or to none, even if this process is killed
 * or the power fails. A link at the path stays, and what it leads to is replaced.
 *
 * @throws SnapshotError
 */
export async function writeWholeFile(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const replaced = replacedFile(path);
  if ('flaw' in replaced) throw failure(path, replaced.flaw.sentence);
  const { target } = replaced;
  const partial = partialOf(target);
  try {
    const file = await open(partial, 'wx', 0o600);
    try {
      for (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, target);
    await flushFolder(dirname(target));
  } catch (error) {
    await rm(partial, { force: true });
    throw failure(path, error instanceof Error ? error.message : String(error), error);
  }
}
