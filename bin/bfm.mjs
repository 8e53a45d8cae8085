#!/usr/bin/env node
// SPDX-License-Identifier: LGPL-2.1-only
// The command `bfm`: builds what is stale, then runs the command line that was built. In an installed package without sources there is nothing to build.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
if (existsSync(join(root, 'src')) && existsSync(join(root, 'scripts', 'build.mjs')))
  await import('../scripts/build.mjs');
await import('../build/src/bfm/main.js');
