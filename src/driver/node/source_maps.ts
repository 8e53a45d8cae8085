// SPDX-License-Identifier: LGPL-2.1-only
import { isMainThread } from 'node:worker_threads';

/**
 * Stack traces of handlers name the user's file and line, not the bundle's. Call it before users' modules are loaded, and after the framework's: Node reads
 * the map of each module that is loaded from now on.
 *
 * The setting is one of the whole thread, and for good. A machine's worker is ours. The main thread is not: who runs machines there decides this for it.
 */
export function useSourceMaps(): void {
  if (!isMainThread) process.setSourceMapsEnabled(true);
}
