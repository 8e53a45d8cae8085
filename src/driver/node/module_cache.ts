// SPDX-License-Identifier: LGPL-2.1-only
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DriverError } from '../driver_errors.js';
import { BUNDLE_FOLDER, removeOldBundles, removeOldFolders } from './bundle_limits.js';
import { makePrivateFolder, userCacheFolder } from './cache_folder.js';
import { isOwnFile, whyNotPrivateFolder } from './private_folder.js';

/** A bundle in a file, for as long as it is in use. */
export interface Bundle extends Disposable {
  readonly path: string;
  /** The files from which it was made. */
  readonly inputs: readonly string[];
}

/** A cache entry: the files from which the bundle was made, each with the hash of its content, and the bundle's name in the folder. */
interface CacheEntry {
  readonly inputs: Readonly<Record<string, string>>;
  readonly bundle: string;
}

function hashOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex').slice(0, 32);
}

/** By it the cache knows the content of a file. */
export const hashOfInput = (content: Uint8Array): string => hashOf(content);

const contentHash = (path: string): string | undefined =>
  existsSync(path) ? hashOfInput(readFileSync(path)) : undefined;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function writeWhole(path: string, text: string): void {
  // Two processes may write the same entry at once. Each reader must see a whole file.
  const partial = `${path}.${process.pid}`;
  writeFileSync(partial, text, { mode: 0o600 });
  renameSync(partial, path);
}

/** Says that a file is in use now. @returns false if there is none */
function touch(path: string): boolean {
  const now = new Date();
  try {
    utimesSync(path, now, now);
    return true;
  } catch {
    // It has just been removed; or the file system cannot be written, and nobody removes anything.
    return existsSync(path);
  }
}

/**
 * Bundles of users' modules, by the content of all files that went into them. They are kept in the user's own cache folder, and only if
 * nobody else can write there: a user who can put a file into that folder decides what code runs. Bundles that nobody has used for long, and
 * those beyond a size, are removed when a new one is kept.
 */
export class ModuleCache {
  /** @param salt what the output depends on besides the sources: options, the place of the running copy. */
  constructor(
    private readonly salt: string,
    private readonly folder: string | undefined = userCacheFolder(),
  ) {}

  /** The bundle of an entry file whose inputs have not changed, or undefined. It counts as used now, and so does its entry. */
  find(file: string): Bundle | undefined {
    const { folder } = this;
    if (folder === undefined || !existsSync(folder) || whyNotPrivateFolder(folder) !== undefined) return undefined;
    const entryPath = join(folder, this.entryName(file));
    const entry = this.readEntry(entryPath);
    if (entry === undefined) return undefined;
    const isFresh = Object.entries(entry.inputs).every(([input, hash]) => contentHash(input) === hash);
    const path = join(folder, entry.bundle);
    if (!isFresh || dirname(path) !== folder || !isOwnFile(path)) return undefined;
    touch(entryPath);
    return touch(path) ? { path, inputs: Object.keys(entry.inputs), [Symbol.dispose]() {} } : undefined;
  }

  /**
   * Writes a bundle to the user's cache folder. If that folder cannot be written or is not private, the bundle goes into its own
   * temporary folder, which is removed after use.
   *
   * @param inputs the files from which it was made, with the hash of the content that each had then. @throws DriverError if no folder can be written
   */
  keep(file: string, inputs: CacheEntry['inputs'], code: string): Bundle {
    const name = `${hashOf(this.salt, file, ...Object.values(inputs))}.mjs`;
    try {
      return this.keepInCache(file, inputs, name, code);
    } catch (error) {
      return ModuleCache.keepForNow(name, Object.keys(inputs), code, messageOf(error));
    }
  }

  private keepInCache(file: string, inputs: CacheEntry['inputs'], name: string, code: string): Bundle {
    const { folder } = this;
    if (folder === undefined) throw new DriverError('you have no home folder');
    makePrivateFolder(folder);
    const path = join(folder, name);
    writeWhole(path, code);
    const entry: CacheEntry = { inputs, bundle: name };
    writeWhole(join(folder, this.entryName(file)), JSON.stringify(entry));
    removeOldBundles(folder);
    return { path, inputs: Object.keys(inputs), [Symbol.dispose]() {} };
  }

  /** @param why there is no cache, for the error. */
  private static keepForNow(name: string, inputs: readonly string[], code: string, why: string): Bundle {
    try {
      const folder = mkdtempSync(join(tmpdir(), BUNDLE_FOLDER));
      removeOldFolders(tmpdir());
      const path = join(folder, name);
      writeFileSync(path, code, { mode: 0o600 });
      return { path, inputs, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
    } catch (error) {
      throw new DriverError(`a bundled module cannot be written anywhere: ${why}; ${messageOf(error)}`, {
        causedBy: error,
        details: {
          where: tmpdir(),
          expected: 'a folder of yours that can be written',
          advice: 'set XDG_CACHE_HOME or TMPDIR',
        },
      });
    }
  }

  /** @returns undefined if there is none, or none that can be trusted. */
  private readEntry(path: string): CacheEntry | undefined {
    if (!isOwnFile(path)) return undefined;
    try {
      return JSON.parse(readFileSync(path, 'utf8')) as CacheEntry;
    } catch {
      // A full disk cut it off: write it again.
      return undefined;
    }
  }

  private entryName(file: string): string {
    return `${hashOf(this.salt, file)}.json`;
  }
}
