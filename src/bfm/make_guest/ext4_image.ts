// SPDX-License-Identifier: LGPL-2.1-only
import { lstatSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { entriesBelow } from './folder_tree.js';
import { runTool, type ToolPlace } from './tool.js';

const MEBIBYTE = 2 ** 20;
const BLOCK = 4096;
/** Room for what the guest writes. */
const FREE_MEBIBYTES = 256;
/** What the file system takes for itself, as a part of the content. */
const OVERHEAD = 0.08;

function mebibytesOf(paths: readonly string[]): number {
  const blocks = paths.reduce((sum, path) => sum + Math.ceil(lstatSync(path).size / BLOCK), 0);
  return Math.ceil(((blocks * BLOCK) / MEBIBYTE) * (1 + OVERHEAD)) + FREE_MEBIBYTES;
}

/** Commands for debugfs that give all files to root. */
function ownershipCommands(root: string, paths: readonly string[]): string {
  const quoted = (path: string): string => `"/${relative(root, path).replaceAll('"', '""')}"`;
  return paths
    .flatMap((path) => ['uid', 'gid'].map((field) => `set_inode_field ${quoted(path)} ${field} 0\n`))
    .join('');
}

/** Makes an ext4 file system with the content of a folder in a new file. It needs no root. @throws GuestError */
export async function makeExt4Image(root: string, image: string, place: ToolPlace): Promise<void> {
  const paths = entriesBelow(root).map(({ path }) => path);
  // Tables that the guest need not write again, and no blocks that only root may use.
  const options = ['-E', 'root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0', '-m', '0', '-L', 'debian'];
  const size = `${mebibytesOf(paths)}M`;
  await runTool('mke2fs', ['-q', '-t', 'ext4', ...options, '-d', root, image, size], place);
  if (process.getuid?.() === 0) return;
  // Files that another user has unpacked belong to that user.
  const commands = join(place.folder, 'ownership.debugfs');
  writeFileSync(commands, ownershipCommands(root, paths));
  await runTool('debugfs', ['-w', '-f', commands, image], place);
}
