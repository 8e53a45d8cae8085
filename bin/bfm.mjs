#!/usr/bin/env node
// SPDX-License-Identifier: LGPL-2.1-only
// The command `bfm`: builds what is stale, then runs the built command line. An installed package without sources has nothing to build.
// Ctrl-C works from the first line on; src/bfm/console/interrupts.ts takes over.
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    process.stderr.write('bfm: interrupted before the command began\n');
    process.exit(130);
  });
const { existsSync } = await import('node:fs');
const { fileURLToPath } = await import('node:url');

const inPackage = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
if (existsSync(inPackage('src')) && existsSync(inPackage('scripts/build.mjs'))) await import('../scripts/build.mjs');
await import('../build/src/bfm/main.js');
