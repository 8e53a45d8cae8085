// SPDX-License-Identifier: LGPL-2.1-only
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of what was built (`%BUILD_ABS%`): this file runs in its src/driver/node. */
export const buildFolder = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
/** The package's root (`%HYPER_ABS%`). */
export const packageRoot = dirname(buildFolder);
/** InversifyJS as one file, which all that was built imports (`scripts/build/inversify.mjs`). */
export const inversifyFile = join(buildFolder, 'vendor', 'inversify.js');
