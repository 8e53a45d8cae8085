// SPDX-License-Identifier: LGPL-2.1-only
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../../src/driver/node/package_paths.js';

/** A snapshot of the guest `debian` at its prompt, made in a folder as docs/page.md says; undefined if this computer has no such guest. */
export function debianSnapshot(folder: string): string | undefined {
  const file = join(folder, 'debian.snapshot');
  const save = ['--append', 'init_on_free=1', '--save', file, '--save-at', '# '];
  const args = [join(packageRoot, 'bin/bfm.mjs'), 'run', '--guest', 'debian', ...save];
  const { status, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status === 0) return file;
  if (stderr.includes('it has not been made on this computer yet')) return undefined;
  throw new Error(`the snapshot was not saved: ${stderr}`);
}
