// SPDX-License-Identifier: LGPL-2.1-only
import { watch, type FSWatcher } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { moduleSources } from '../../driver/node/load_module.js';
import { modulePathsOf } from '../recording/recorded_modules.js';

/** How long a folder must be quiet before its files are read: an editor empties a file before it writes it, or puts another one in its place. */
const QUIET_MILLISECONDS = 20;

/** Who hears of the modules. */
export interface ModuleListener {
  /** The code of a module is another, and it compiles. */
  changed(): void;
  /** A module cannot be bundled. */
  failed(error: unknown): void;
}

/** Watches the files of modules with all that they import, and the lists that name modules. */
export class ModuleWatcher implements Disposable {
  private readonly folders = new Map<string, FSWatcher>();
  /** Files whose changes count. */
  private inputs: ReadonlySet<string> = new Set();
  /** The hashes of all modules that the listener knows of. */
  private known: string | undefined;
  private failure: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isLooking = false;
  private looksAgain = false;
  private isClosed = false;

  private constructor(
    private readonly files: readonly string[],
    private readonly listener: ModuleListener,
  ) {}

  /** Resolves when it watches; a change after that is heard of. What cannot be bundled now is not heard of: the load says why. */
  static async start(files: readonly string[], listener: ModuleListener): Promise<ModuleWatcher> {
    const watcher = new ModuleWatcher(
      files.map((file) => resolve(file)),
      listener,
    );
    watcher.watch(watcher.files);
    try {
      await watcher.read();
    } catch (error) {
      watcher.failure = String(error);
    }
    return watcher;
  }

  [Symbol.dispose](): void {
    this.isClosed = true;
    clearTimeout(this.timer);
    for (const watcher of this.folders.values()) watcher.close();
    this.folders.clear();
  }

  /** Whole folders are watched: a file that was replaced is another file, and one that is missing has no watcher. */
  private watch(inputs: readonly string[]): void {
    this.inputs = new Set(inputs);
    for (const folder of new Set(inputs.map(dirname))) {
      if (this.folders.has(folder)) continue;
      const watcher = watch(folder, (_event, name) => this.noticed(folder, name));
      // A folder that is gone has no more changes.
      watcher.on('error', () => this.forget(folder));
      this.folders.set(folder, watcher);
    }
  }

  private forget(folder: string): void {
    this.folders.get(folder)?.close();
    this.folders.delete(folder);
  }

  private noticed(folder: string, name: string | null): void {
    // A file that was missing may be there now.
    const counts = name === null || this.failure !== undefined || this.inputs.has(join(folder, name));
    if (!counts || this.isClosed) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.look(), QUIET_MILLISECONDS);
  }

  /** One look at a time: what changes meanwhile is looked at afterwards. */
  private async look(): Promise<void> {
    this.looksAgain = true;
    if (this.isLooking) return;
    this.isLooking = true;
    while (this.looksAgain && !this.isClosed) {
      this.looksAgain = false;
      await this.compare();
    }
    this.isLooking = false;
  }

  private async compare(): Promise<void> {
    const before = this.known;
    try {
      await this.read();
    } catch (error) {
      const failure = String(error);
      if (failure !== this.failure && !this.isClosed) this.listener.failed(error);
      this.failure = failure;
      return;
    }
    if (this.known !== before && !this.isClosed) this.listener.changed();
  }

  private async read(): Promise<void> {
    const hashes: string[] = [];
    const inputs = [...this.files];
    for (const path of modulePathsOf(this.files)) {
      const { sha256, inputs: its } = await moduleSources(path);
      hashes.push(sha256);
      inputs.push(...its);
    }
    this.failure = undefined;
    this.known = hashes.join(' ');
    if (!this.isClosed) this.watch(inputs);
  }
}
