// SPDX-License-Identifier: LGPL-2.1-only
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { buildFolder } from './package_paths.js';

/** The files that a bundle was made of, each with the hash of its content. */
interface CacheEntry {
  readonly inputs: Readonly<Record<string, string>>;
  readonly bundle: string;
}

function hashOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex').slice(0, 32);
}

const contentHash = (path: string): string | undefined => (existsSync(path) ? hashOf(readFileSync(path)) : undefined);

function writeWhole(path: string, text: string): void {
  // Two processes may write the same entry at once: each reader sees a whole file.
  const partial = `${path}.${process.pid}`;
  writeFileSync(partial, text);
  renameSync(partial, path);
}

/** Bundles of users' modules, by the content of all files that went into them. */
export class ModuleCache {
  private readonly folder: string;

  /** @param salt what the output depends on beside the sources: options, the place of the running copy. */
  constructor(private readonly salt: string) {
    this.folder = ModuleCache.usableFolder();
  }

  /** The bundle of an entry file whose inputs have not changed, or undefined. */
  find(file: string): string | undefined {
    const path = this.entryPath(file);
    if (!existsSync(path)) return undefined;
    const entry = JSON.parse(readFileSync(path, 'utf8')) as CacheEntry;
    const isFresh = Object.entries(entry.inputs).every(([input, hash]) => contentHash(input) === hash);
    return isFresh && existsSync(entry.bundle) ? entry.bundle : undefined;
  }

  /** Where the bundle of a file with this content goes. */
  bundlePath(file: string, inputs: readonly string[]): string {
    return join(this.folder, `${hashOf(this.salt, file, ...inputs.map((input) => contentHash(input) ?? ''))}.mjs`);
  }

  /** Keeps a bundle. @returns its path. */
  keep(file: string, inputs: readonly string[], code: string): string {
    const bundle = this.bundlePath(file, inputs);
    writeWhole(bundle, code);
    const entry: CacheEntry = {
      inputs: Object.fromEntries(inputs.map((input) => [input, contentHash(input) ?? ''])),
      bundle,
    };
    writeWhole(this.entryPath(file), JSON.stringify(entry));
    return bundle;
  }

  private entryPath(file: string): string {
    return join(this.folder, `${hashOf(this.salt, file)}.json`);
  }

  /** The package's build folder, or the user's own temporary one if the package is installed read-only. */
  private static usableFolder(): string {
    const candidates = [join(buildFolder, 'modules'), join(tmpdir(), `bareflank-modules-${userInfo().uid}`)];
    for (const folder of candidates) {
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        writeWhole(join(folder, 'probe'), '');
        return folder;
      } catch {
        // Not writable: the next one.
      }
    }
    throw new Error(`no folder to keep bundled modules in: tried ${candidates.join(', ')}`);
  }
}
