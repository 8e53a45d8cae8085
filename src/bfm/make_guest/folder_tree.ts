// SPDX-License-Identifier: LGPL-2.1-only
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Something below a folder. */
export interface TreeEntry {
  readonly path: string;
  readonly name: string;
  readonly isFile: boolean;
}

/** Everything below a folder, without the folder. Links are not followed; the recursion of `readdir` follows them in some versions of Node. */
export function entriesBelow(folder: string): TreeEntry[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    const own = { path, name: entry.name, isFile: entry.isFile() };
    return entry.isDirectory() ? [own, ...entriesBelow(path)] : [own];
  });
}
