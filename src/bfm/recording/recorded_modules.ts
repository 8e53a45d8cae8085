// SPDX-License-Identifier: LGPL-2.1-only
import { realpathSync } from 'node:fs';
import { moduleFiles } from '../../driver/node/module_files.js';
import { portableBundle } from '../../driver/node/load_module.js';
import { isModuleSource } from '../../session/add_modules.js';
import type { RecordedModule } from './recording_format.js';

/** The modules that files name, each once, in the order in which a driver takes them. @param files module sources and `.modules` lists */
export function modulePathsOf(files: readonly string[]): string[] {
  const paths = files.flatMap((file) => (isModuleSource(file) ? [realpathSync(file)] : moduleFiles.readList(file)));
  return [...new Set(paths)];
}

/** Modules with the hashes of their bundles. @param withCode with the bundles too @throws ModuleFileError, ModuleListError */
export async function recordedModulesOf(files: readonly string[], withCode: boolean): Promise<RecordedModule[]> {
  const modules: RecordedModule[] = [];
  for (const path of modulePathsOf(files)) {
    const { code, sha256 } = await portableBundle(path);
    modules.push({ path, sha256, ...(withCode && { code }) });
  }
  return modules;
}
