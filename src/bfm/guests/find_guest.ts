// SPDX-License-Identifier: LGPL-2.1-only
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { buildFolder } from '../../driver/node/package_paths.js';
import { UsageError } from '../failures/usage_error.js';
import { GuestCache } from './guest_cache.js';
import { guestCatalog, type GuestEntry } from './guest_catalog.js';
import { GuestError } from './guest_error.js';
import { ownName } from '../failures/own_name.js';

/** What `--guest NAME` means: absolute paths of files, and the beginning of the command line. */
export interface FoundGuest {
  readonly kernel: string;
  readonly initrd?: string;
  /** Its first disk, which its writes do not change. */
  readonly disk?: string;
  readonly commandLine: string;
  /** The default of `--memory`, if the guest has one of its own. */
  readonly memory?: string;
}

/** The images of our own guests, by name. */
function ownGuests(): ReadonlyMap<string, string> {
  const folder = join(buildFolder, 'guests');
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.bin')) : [];
  return new Map(names.map((name) => [basename(name, '.bin'), join(folder, name)]));
}

function cachedGuest(entry: GuestEntry, cache: GuestCache): FoundGuest {
  const { name, files, commandLine, memory } = entry;
  const found = cache.find(entry);
  if (found !== undefined)
    return {
      kernel: join(found.folder, files.kernel),
      initrd: join(found.folder, files.initrd),
      ...(files.disk !== undefined && { disk: join(found.folder, files.disk) }),
      commandLine,
      ...(memory !== undefined && { memory }),
    };
  const advice = `${ownName} guest ${name} makes it`;
  throw new GuestError(`--guest ${name}: it has not been made on this computer yet; ${advice}`, {
    details: { where: '--guest', found: 'nothing in the cache', expected: name, advice },
  });
}

/**
 * A guest by its name: one of our own, which come with the package, or one that `bfm guest` makes.
 *
 * @throws UsageError that lists them, GuestError if it has to be made first
 */
export function findGuest(name: string, cache = new GuestCache()): FoundGuest {
  const own = ownGuests();
  const kernel = own.get(name);
  if (kernel !== undefined) return { kernel, commandLine: '' };
  const entry: GuestEntry | undefined = Object.values(guestCatalog).find((each) => each.name === name);
  if (entry !== undefined) return cachedGuest(entry, cache);
  const list = [...own.keys(), ...Object.keys(guestCatalog)].join(', ');
  throw new UsageError(`--guest ${name}: there is no such guest; known guests: ${list}`, {
    details: { where: '--guest', found: name, expected: `one of ${list}` },
  });
}
