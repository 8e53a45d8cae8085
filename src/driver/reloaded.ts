// SPDX-License-Identifier: LGPL-2.1-only

import type { LoadedModule } from './module_source.js';

/** A file and what it has. */
export interface LoadedFile extends LoadedModule {
  readonly file: string;
}

/** New code for a VMM, from which nothing has been made yet. */
export interface PreparedReload {
  readonly modules: readonly LoadedFile[];
}

/** What a reload has changed. */
export interface Reloaded {
  /** Files of modules whose code is another. */
  readonly changed: readonly string[];
  /** Names of contributions that are new. */
  readonly added: readonly string[];
  /** Names of contributions that are gone. */
  readonly removed: readonly string[];
}
