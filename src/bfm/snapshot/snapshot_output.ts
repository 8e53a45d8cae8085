// SPDX-License-Identifier: LGPL-2.1-only
import { resolve } from 'node:path';
import { UsageError } from '../failures/usage_error.js';
import { replacedFile } from './replaced_file.js';

/**
 * The absolute path of a snapshot, or of another file that is written at the end. It is checked before the guest runs: a long run would be lost else.
 *
 * @param option that names it. @throws UsageError
 */
export function snapshotOutput(option: string, path: string): string {
  if (path === '') throw UsageError.ofOption(option, path, 'the name of a file');
  const full = resolve(path);
  const replaced = replacedFile(full);
  if (!('flaw' in replaced)) return full;
  const { sentence, found } = replaced.flaw;
  const [expected, advice] = ['a file that can be written', 'name a file in a folder of yours'];
  throw new UsageError(`${option} ${path}: ${sentence}; ${advice}`, {
    details: { where: option, found, expected, advice },
  });
}
