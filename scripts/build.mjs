// SPDX-License-Identifier: LGPL-2.1-only
// Builds everything that runs: TypeScript file by file into build/, then the CPU core and the guests. If no file was touched since the last build,
// nothing is loaded. A step is skipped while the content hash of its inputs is unchanged, so an edit of one TypeScript file costs a fraction of a
// second.
import { accessSync, constants } from 'node:fs';
import { buildFolder, root } from './build/paths.mjs';
import { inputs, isFresh, remember } from './build/snapshot.mjs';

/** Whether this user may write the build. The steps make a folder that does not exist yet. */
function canWrite() {
  try {
    accessSync(buildFolder, constants.W_OK);
    return true;
  } catch (error) {
    return error.code === 'ENOENT';
  }
}

async function build() {
  const [{ buildTypeScript }, { buildInversify }, { buildCpuCore }, { buildGuests }, { whileLocked }] =
    await Promise.all([
      import('./build/typescript.mjs'),
      import('./build/inversify.mjs'),
      import('./build/cpu_core.mjs'),
      import('./build/guests.mjs'),
      import('./build/lock.mjs'),
    ]);
  const steps = async () => {
    await buildTypeScript();
    await buildInversify();
    await buildCpuCore();
    await buildGuests();
  };
  if (!canWrite()) {
    // Each step compares contents, and writes only what is stale.
    await steps().catch((error) => {
      const advice = `run the build as the owner of ${root} first`;
      throw new Error(`what is built is stale and cannot be written (${error.message}); ${advice}`, { cause: error });
    });
    return;
  }
  await whileLocked(async () => {
    // The previous holder of the lock may have built everything.
    const now = inputs();
    await steps();
    remember(now);
  });
}

const started = performance.now();
try {
  if (!isFresh(inputs())) await build();
} catch (error) {
  console.error(`build: ${error.message}`);
  process.exit(1);
}
if (process.argv.includes('--verbose')) console.error(`build: ${Math.round(performance.now() - started)} ms`);
