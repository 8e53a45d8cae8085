// SPDX-License-Identifier: LGPL-2.1-only
import { SecondCopyError } from './load_errors.js';

const key = Symbol.for('bareflank.runningCopy');
const global = globalThis as { [key]?: string };

/**
 * Makes the copy of the framework at `url` the one of this process. A second copy would have its own classes and declarations: `instanceof`
 * and symbols would fail without an explanation.
 *
 * @throws SecondCopyError naming both paths.
 */
export function claimRunningCopy(url: string): void {
  const first = global[key];
  if (first !== undefined && first !== url) {
    throw new SecondCopyError(
      `two copies of bareflank in one process: ${first} runs already, ${url} was loaded after it. Import 'bareflank' only by that name, and load modules through bfm or loadModule.`,
      [first, url],
    );
  }
  global[key] = url;
}

// A bundle for an engine without modules has no URL.
claimRunningCopy((import.meta as { url?: string }).url ?? 'bundle');
