// SPDX-License-Identifier: LGPL-2.1-only
import { existsSync, realpathSync } from 'node:fs';
import { UsageError } from '../failures/usage_error.js';

/** An output replaces its file, so that file must not be one that the machine reads or writes. @param files as absolute paths. @throws UsageError */
export function refuseReplacing(option: string, output: string, files: readonly (string | undefined)[]): void {
  const real = (path: string): string => (existsSync(path) ? realpathSync(path) : path);
  if (!files.some((file) => file !== undefined && real(file) === real(output))) return;
  throw new UsageError(`${option} ${output} would replace a file that the machine reads`, {
    details: { where: option, found: real(output), expected: 'a file of its own', advice: 'name another file' },
  });
}
