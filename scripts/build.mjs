// SPDX-License-Identifier: LGPL-2.1-only
// Builds everything that runs: TypeScript file by file into build/, then the CPU core. Each step is skipped while the content hash of its
// inputs is unchanged, so that an edit of one TypeScript file costs a fraction of a second.
import { buildTypeScript } from './build/typescript.mjs';
import { buildCpuCore } from './build/cpu_core.mjs';
import { buildGuests } from './build/guests.mjs';
import { whileLocked } from './build/lock.mjs';

const started = performance.now();
try {
  await whileLocked(async () => {
    await buildTypeScript();
    await buildCpuCore();
    await buildGuests();
  });
} catch (error) {
  console.error(`build: ${error.message}`);
  process.exit(1);
}
if (process.argv.includes('--verbose')) console.error(`build: ${Math.round(performance.now() - started)} ms`);
