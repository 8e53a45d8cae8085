// SPDX-License-Identifier: LGPL-2.1-only
import { problemOf } from '../failures/problem.js';
import { ModuleWatcher } from '../watch/module_watcher.js';
import { reloadLine } from '../worker/reload_line.js';
import type { MachineThread } from './machine_thread.js';

/** What watches a machine's modules. */
export type ReloadingThread = Pick<MachineThread, 'request' | 'say'>;

/** Reloads the modules of a machine when one of these files changes. What came of it is said to attached consoles. */
export function reloadOnChange(machine: ReloadingThread, files: readonly string[]): Promise<Disposable> {
  const refuse = (error: unknown): void => machine.say(`not reloaded: ${problemOf(error, null).what}`);
  return ModuleWatcher.start(files, {
    changed: () => void machine.request('reload', {}).then((reloaded) => machine.say(reloadLine(reloaded)), refuse),
    failed: refuse,
  });
}
