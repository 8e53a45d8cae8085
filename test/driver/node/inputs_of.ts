// SPDX-License-Identifier: LGPL-2.1-only
import { readFileSync } from 'node:fs';
import { hashOfInput } from '../../../src/driver/node/module_cache.js';

/** Files from which a bundle was made just now, for the cache. */
export const inputsOf = (...files: readonly string[]): Record<string, string> =>
  Object.fromEntries(files.map((file) => [file, hashOfInput(readFileSync(file))]));
