// SPDX-License-Identifier: LGPL-2.1-only
import type { PartModule } from '../vmm/container/part_module.js';

/** A module that was loaded. */
export interface LoadedModule {
  readonly modules: readonly PartModule[];
  /** Of its code with all that it brings along, without paths: by it, a saved state knows the module. */
  readonly hash: string;
}

/** Where a driver gets modules from: files on a computer, a bundle in a page. */
export interface ModuleSource {
  /** The one name of a module, regardless of its spelling. @throws ModuleFileError if there is no such module */
  identify(file: string): string;
  /** The modules that a list names (a `.modules` file). @throws ModuleListError */
  readList(file: string): readonly string[];
  /** Loads a module. @param name from `identify` @throws ModuleFileError, SecondCopyError */
  load(name: string): Promise<LoadedModule>;
}
