// SPDX-License-Identifier: LGPL-2.1-only
import { UsageError } from '../failures/usage_error.js';

/**
 * The values of `--set NAME=VALUE`, as text by name. Names are checked when the modules are loaded.
 *
 * @param hasModules whether there is a module that could have parameters.
 * @throws UsageError for a text without `=`, a name that is set twice, and `--set` without a module.
 */
export function parseSettings(given: readonly string[], hasModules: boolean): Readonly<Record<string, string>> {
  const settings = new Map<string, string>();
  for (const text of given) {
    const [, name, value] = /^([^=]+)=([^]*)$/.exec(text) ?? [];
    if (name === undefined || value === undefined)
      throw UsageError.ofOption('--set', text, 'NAME=VALUE, as in ept_hook.address=0x200000');
    if (settings.has(name)) throw new UsageError(`--set ${name} is given twice`);
    settings.set(name, value);
  }
  if (settings.size > 0 && !hasModules)
    throw new UsageError('--set is for the parameters of modules: name one with -m');
  return Object.fromEntries(settings);
}
