// SPDX-License-Identifier: LGPL-2.1-only
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { makePrivateFolder, userCacheFolder } from '../../driver/node/cache_folder.js';
import { flawsOf } from '../../driver/node/data_flaws.js';
import { isOwnFile, whyNotPrivateFolder } from '../../driver/node/private_folder.js';
import type { GuestEntry } from './guest_catalog.js';
import { GuestError } from './guest_error.js';
import { ownName } from '../failures/own_name.js';

/** In each guest's folder: what it was made of, and the checksums of its files. */
const MANIFEST = 'manifest.json';

const manifestSchema = z.strictObject({
  version: z.number(),
  packages: z.array(z.string()),
  files: z.record(z.string(), z.strictObject({ bytes: z.number(), sha256: z.string() })),
});
type Manifest = z.infer<typeof manifestSchema>;

/** A guest in the cache, whose files have their checksums. */
export interface CachedGuest {
  readonly folder: string;
  /** The Debian packages that it was made of: NAME_VERSION_ARCHITECTURE. */
  readonly packages: readonly string[];
  /** Bytes of its files. */
  readonly bytes: number;
}

const PIECE = 2 ** 20;

function sha256Of(path: string): string {
  const hash = createHash('sha256');
  const piece = Buffer.alloc(PIECE);
  const descriptor = openSync(path, 'r');
  try {
    for (let count; (count = readSync(descriptor, piece)) > 0;) hash.update(piece.subarray(0, count));
  } finally {
    closeSync(descriptor);
  }
  return hash.digest('hex');
}

function isRunning(process_: number): boolean {
  try {
    return process.kill(process_, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * The guests of `bfm guest`, in the user's own cache folder. Nobody else may be able to write there, and each file is checked at each use: who
 * changes a kernel decides what runs.
 */
export class GuestCache {
  private readonly base: string | undefined;

  /** @param caches the folder of all caches; undefined if the user has none. */
  constructor(caches: string | undefined = userCacheFolder()) {
    this.base = caches === undefined ? undefined : join(caches, 'guests');
  }

  /**
   * A guest whose files are what was kept, or undefined if there is none.
   *
   * @throws GuestError if it is there and cannot be trusted
   */
  find(entry: GuestEntry): CachedGuest | undefined {
    if (this.base === undefined) return undefined;
    const folder = join(this.base, entry.name);
    if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) return undefined;
    for (const each of [dirname(this.base), this.base, folder]) {
      const flaw = whyNotPrivateFolder(each);
      if (flaw !== undefined) throw GuestCache.unusable(entry, each, flaw);
    }
    const manifest = this.readManifest(entry, folder);
    if (manifest.version !== entry.version)
      throw GuestCache.unusable(entry, folder, 'it was made by another version of bfm');
    for (const name of Object.values(entry.files)) GuestCache.check(entry, join(folder, name), manifest.files[name]);
    const bytes = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0);
    return { folder, packages: manifest.packages, bytes };
  }

  /**
   * Makes a guest and keeps it; one of that name is replaced once the new one is complete. If anything fails, nothing is left of it.
   *
   * @param make writes the guest's files into a folder, and gives the packages that it used
   */
  async keep(entry: GuestEntry, make: (folder: string) => Promise<readonly string[]>): Promise<void> {
    const { base } = this;
    if (base === undefined)
      throw new GuestError('you have no home folder for the guest: let XDG_CACHE_HOME name a folder of yours', {
        details: { where: 'XDG_CACHE_HOME', expected: 'a folder of yours' },
      });
    makePrivateFolder(dirname(base));
    makePrivateFolder(base);
    GuestCache.removeLeftovers(base);
    const partial = mkdtempSync(join(base, `.${process.pid}-`));
    try {
      const packages = await make(partial);
      GuestCache.writeManifest(entry, partial, packages);
      rmSync(join(base, entry.name), { recursive: true, force: true });
      renameSync(partial, join(base, entry.name));
    } finally {
      rmSync(partial, { recursive: true, force: true });
    }
  }

  /** Removes a guest. @returns whether there was one */
  remove({ name }: GuestEntry): boolean {
    if (this.base === undefined) return false;
    const folder = join(this.base, name);
    const isThere = lstatSync(folder, { throwIfNoEntry: false }) !== undefined;
    rmSync(folder, { recursive: true, force: true });
    return isThere;
  }

  private readManifest(entry: GuestEntry, folder: string): Manifest {
    const path = join(folder, MANIFEST);
    if (!isOwnFile(path)) throw GuestCache.unusable(entry, path, 'it is not a file that only you can write');
    let value: unknown;
    try {
      value = JSON.parse(readFileSync(path, 'utf8'));
    } catch (error) {
      throw GuestCache.unusable(entry, path, 'it is damaged', error);
    }
    const { data, error } = manifestSchema.safeParse(value);
    if (error !== undefined)
      throw GuestCache.unusable(entry, path, `it is damaged: ${flawsOf(error, value, 'the whole')}`);
    return data;
  }

  private static writeManifest(entry: GuestEntry, folder: string, packages: readonly string[]): void {
    const files: Manifest['files'] = {};
    for (const name of Object.values(entry.files)) {
      const path = join(folder, name);
      // A user's umask may let others write.
      chmodSync(path, 0o600);
      files[name] = { bytes: statSync(path).size, sha256: sha256Of(path) };
    }
    const manifest: Manifest = { version: entry.version, packages: [...packages], files };
    writeFileSync(join(folder, MANIFEST), `${JSON.stringify(manifest, undefined, 2)}\n`, { mode: 0o600 });
  }

  private static check(entry: GuestEntry, path: string, wanted: Manifest['files'][string] | undefined): void {
    if (!isOwnFile(path)) throw GuestCache.unusable(entry, path, 'it is not a file that only you can write');
    if (wanted === undefined || statSync(path).size !== wanted.bytes || sha256Of(path) !== wanted.sha256)
      throw GuestCache.unusable(entry, path, `${basename(path)} does not have the checksum with which it was kept`);
  }

  private static unusable({ name }: GuestEntry, where: string, found: string, causedBy?: unknown): GuestError {
    const advice = `${ownName} guest ${name} makes it again`;
    return new GuestError(`the guest ${name} in ${where} is not used: ${found}; ${advice}`, {
      causedBy,
      details: { where, found, expected: `the guest as bfm guest ${name} left it`, advice },
    });
  }

  /** Removes what processes that were killed have left. */
  private static removeLeftovers(base: string): void {
    for (const name of readdirSync(base)) {
      const [, id] = /^\.(\d+)-/.exec(name) ?? [];
      if (id !== undefined && !isRunning(Number(id))) rmSync(join(base, name), { recursive: true, force: true });
    }
  }
}
