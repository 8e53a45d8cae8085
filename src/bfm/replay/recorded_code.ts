// SPDX-License-Identifier: LGPL-2.1-only
import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { ModuleSource } from '../../driver/module_source.js';
import { DriverError } from '../../driver/driver_errors.js';
import { makePrivateFolder, userCacheFolder } from '../../driver/node/cache_folder.js';
import { portableBundle } from '../../driver/node/load_module.js';
import { sha256 } from '../../driver/node/portable_bundle.js';
import type { DriverCall } from '../../session/machine_event.js';
import type { RecordedItem } from '../../session/recorded_item.js';
import type { Recording } from '../recording/read_recording.js';
import { RecordingError } from '../recording/recording_error.js';
import type { RecordedModule } from '../recording/recording_format.js';
import type { RunRequest } from '../worker/run_request.js';
import { filesHere } from './recorded_place.js';

/** A recording whose files and modules are those of this computer, or its own. */
export interface CheckedRecording {
  /** With the files where they are now. */
  readonly request: RunRequest;
  readonly modules: readonly string[];
  readonly items: readonly RecordedItem[];
  /** Files with recorded code, and the hashes by which states know that code. */
  readonly hashes: ReadonlyMap<string, string>;
}

async function whyNotModule({ path, sha256: wanted, code }: RecordedModule): Promise<string | undefined> {
  if (code !== undefined)
    return sha256(code) === wanted ? undefined : `the recorded code of ${path} does not have the recorded hash`;
  if (!existsSync(path)) return `module ${path} does not exist`;
  const own = await portableBundle(path);
  return own.sha256 === wanted ? undefined : `module ${path} has another content than when the run was recorded`;
}

/** The file that has a module's code: the recorded code in the user's own folder, or the file of this computer. */
function fileOf({ path, sha256: hash, code }: RecordedModule, folder: () => string): string {
  if (code === undefined) return path;
  const file = join(folder(), `${hash.slice(0, 32)}_${basename(path).replace(/\.[^.]*$/, '')}.mjs`);
  writeFileSync(file, code, { mode: 0o600 });
  return file;
}

/** A folder for this process. */
function temporaryCodeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bareflank-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Nobody else may write there: what it has is run. Without a cache folder that can be written, the code is in a temporary one. */
function codeFolder(): string {
  const cache = userCacheFolder();
  if (cache === undefined) return temporaryCodeFolder();
  const folder = join(cache, 'recorded');
  try {
    makePrivateFolder(cache);
    makePrivateFolder(folder);
  } catch (error) {
    if (error instanceof DriverError) throw error;
    return temporaryCodeFolder();
  }
  return folder;
}

const loadsModules = ({ method }: DriverCall): boolean => method === 'load' || method === 'reload';

/** A load takes the modules that the recording has for it. */
function withModules(entries: Recording['entries'], place: (module: RecordedModule) => string): RecordedItem[] {
  let files: readonly string[] = [];
  return entries.flatMap((entry): RecordedItem[] => {
    if (entry.kind === 'modules') {
      files = entry.modules.map(place);
      return [];
    }
    if (entry.kind !== 'event' || entry.event.kind !== 'call' || !loadsModules(entry.event)) return [entry];
    const params = { ...(entry.event.params as object), files };
    return [{ ...entry, event: { ...entry.event, params } }];
  });
}

/** Recorded code has the hash of what it was recorded from: a saved VMM knows its modules by it. */
export function withRecordedHashes(source: ModuleSource, hashes: CheckedRecording['hashes']): ModuleSource {
  return {
    ...source,
    async load(name) {
      const loaded = await source.load(name);
      const hash = hashes.get(name);
      return hash === undefined ? loaded : { ...loaded, hash };
    },
  };
}

/** Checks that all files and modules of a recording are the recorded ones. @throws RecordingError that names each that is not */
export async function checkedRecording({ file, header, entries }: Recording): Promise<CheckedRecording> {
  const modules = [...header.modules, ...entries.flatMap((entry) => (entry.kind === 'modules' ? entry.modules : []))];
  const { request, reasons } = filesHere(file, header);
  const flaws = [...reasons, ...(await Promise.all(modules.map(whyNotModule)))];
  const wrong = [...new Set(flaws.filter((reason) => reason !== undefined))];
  if (wrong.length > 0)
    throw new RecordingError(`${file} cannot be replayed:\n${wrong.map((each) => `  ${each}`).join('\n')}`, {
      details: {
        where: file,
        found: wrong.join('; '),
        expected: 'the files of the recorded run',
        advice: 'put the old files back, or record with --with-code',
      },
    });
  let folder: string | undefined;
  const hashes = new Map<string, string>();
  const place = (module: RecordedModule): string => {
    const path = fileOf(module, () => (folder ??= codeFolder()));
    if (module.code !== undefined) hashes.set(realpathSync(path), module.sha256);
    return path;
  };
  return { request, modules: header.modules.map(place), items: withModules(entries, place), hashes };
}
