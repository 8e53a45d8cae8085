// SPDX-License-Identifier: LGPL-2.1-only
import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
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

/**
 * Writes a file as a whole. Until it is complete and safe on the disk, the path leads to the old file or to none, even if this process is killed
 * or the power fails.
 *
 * @throws SnapshotError
 */
export async function writeWholeFile(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const partial = `${path}.${randomUUID()}.partial`;
  try {
    const file = await open(partial, 'wx', 0o600);
    try {
      for (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
    await flushFolder(dirname(path));
  } catch (error) {
    await rm(partial, { force: true });
    const found = error instanceof Error ? error.message : String(error);
    throw new SnapshotError(`the snapshot ${path} cannot be written: ${found}`, {
      causedBy: error,
      details: { where: path, found, advice: 'name a file in a folder of yours with enough room' },
    });
  }
}
