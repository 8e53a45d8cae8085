// SPDX-License-Identifier: LGPL-2.1-only
import type { ModuleSource } from '../../driver/module_source.js';

/** What a worker does while no module is being evaluated, but their functions and constructors may run. */
export const LOADING_MODULES = 'the loading of the modules';

/**
 * A source that says which module it loads. If the module never comes to its end, or ends the thread, only another thread can report it.
 *
 * @param announce takes what is being done, for people.
 */
export function announced(source: ModuleSource, announce: (what: string) => void): ModuleSource {
  return {
    ...source,
    async load(name) {
      announce(`the loading of module ${name}`);
      const loaded = await source.load(name);
      announce(LOADING_MODULES);
      return loaded;
    },
  };
}
