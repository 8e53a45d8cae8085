// SPDX-License-Identifier: LGPL-2.1-only
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { findGuest } from '../../../src/bfm/guests/find_guest.js';
import { GuestCache } from '../../../src/bfm/guests/guest_cache.js';
import { guestCatalog } from '../../../src/bfm/guests/guest_catalog.js';
import { packageRoot } from '../../../src/driver/node/package_paths.js';
import type { ImageGuest } from '../../../src/site/machine/site_messages.js';

/** The images of the guest `debian`; undefined if `bfm guest debian` has not made them on this computer. */
export function debianGuest(): ImageGuest | undefined {
  if (new GuestCache().find(guestCatalog.debian) === undefined) return undefined;
  const { kernel, initrd, commandLine } = findGuest('debian');
  return { name: 'debian', id: 'debian', kernel, initrd: initrd!, append: commandLine, memoryBytes: 256 << 20 };
}

/** A snapshot of the guest `debian` at its prompt, made in a folder as docs/page.md says; undefined if this computer has no such guest. */
export function debianSnapshot(folder: string): string | undefined {
  if (debianGuest() === undefined) return undefined;
  const file = join(folder, 'debian.snapshot');
  const save = ['--append', 'init_on_free=1', '--save', file, '--save-at', '# '];
  const args = [join(packageRoot, 'bin/bfm.mjs'), 'run', '--guest', 'debian', ...save];
  const { status, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status === 0) return file;
  throw new Error(`the snapshot was not saved: ${stderr}`);
}
