// SPDX-License-Identifier: LGPL-2.1-only
import { existsSync, realpathSync, statSync } from 'node:fs';
import { ModuleFileError } from '../driver_errors.js';
import type { ModuleSource } from '../module_source.js';
import { loadModule } from './load_module.js';
import { readModuleList } from './module_list.js';

/** Modules that are files, each known by its real path. */
export const moduleFiles: ModuleSource = {
  identify(file) {
    if (!existsSync(file)) throw new ModuleFileError(`module ${file} does not exist`, file);
    // A pipe or a device would be read for ever.
    if (!statSync(file).isFile()) throw new ModuleFileError(`module ${file} is no file`, file);
    return realpathSync(file);
  },
  readList: readModuleList,
  load: loadModule,
};
