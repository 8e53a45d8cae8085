// SPDX-License-Identifier: LGPL-2.1-only
import type { Driver } from '../driver/driver.js';
import type { PreparedReload } from '../driver/reloaded.js';

/** A file of code is a module itself; any other file lists modules. */
const MODULE_SOURCE = /\.[cm]?[jt]s$/;

export const isModuleSource = (file: string): boolean => MODULE_SOURCE.test(file);

/** Adds modules to a driver. @param files module sources and `.modules` lists @throws ModuleFileError, ModuleListError */
export function addModules(driver: Driver, files: readonly string[]): void {
  for (const file of files) {
    if (isModuleSource(file)) driver.addModule(file);
    else driver.addModules(file);
  }
}

/** Loads the code with which `Driver.reload` goes on. @param files module sources and `.modules` lists @throws ModuleFileError, ModuleListError … */
export function prepareModules(driver: Driver, files: readonly string[]): Promise<PreparedReload> {
  return driver.prepareReload(files.flatMap((file) => (isModuleSource(file) ? [file] : driver.listed(file))));
}
