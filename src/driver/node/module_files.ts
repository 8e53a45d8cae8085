// SPDX-License-Identifier: LGPL-2.1-only
import { realpathSync } from 'node:fs';
import type { ModuleSource } from '../module_source.js';
import { loadModule, refuseFlaw } from './load_module.js';
import { readModuleList } from './module_list.js';

/** Modules that are files, each known by its real path. */
export const moduleFiles: ModuleSource = {
  identify(file) {
    refuseFlaw(file);
    return realpathSync(file);
  },
  readList: readModuleList,
  load: (name) => loadModule(name),
};

/** The same, evaluated again at each load: for a VMM that must share no state with another one of this process. */
export const freshModuleFiles: ModuleSource = { ...moduleFiles, load: (name) => loadModule(name, true) };
