// SPDX-License-Identifier: LGPL-2.1-only
// Builds everything that runs: TypeScript file by file into build/, then the CPU core and the guests. Nothing is loaded if no file was touched
// since the last build; each step is skipped while the content hash of its inputs is unchanged, so that an edit of one TypeScript file costs a
// fraction of a second.
import { inputs, isFresh, remember } from './build/snapshot.mjs';

async function build() {
  const [{ buildTypeScript }, { buildCpuCore }, { buildGuests }, { whileLocked }] = await Promise.all([
    import('./build/typescript.mjs'),
    import('./build/cpu_core.mjs'),
    import('./build/guests.mjs'),
    import('./build/lock.mjs'),
  ]);
  await whileLocked(async () => {
    // Whoever held the lock before may have built what is there now.
    const now = inputs();
    await buildTypeScript();
    await buildCpuCore();
    await buildGuests();
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
