// SPDX-License-Identifier: LGPL-2.1-only
// npm run record-vectors [-- --count N] [--seed N]: records what this machine's processor does with random instructions, for machines that have no
// x86-64 processor or no compiler. The file is named after the processor; test/differential/vectors/recorded_vectors.spec.ts compares the core
// with every file of its folder.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './build/paths.mjs';

const { values } = parseArgs({
  options: { count: { type: 'string', default: '20000' }, seed: { type: 'string', default: '1' } },
});
const [count, seed] = [values.count, values.seed].map(Number);
if (!(Number.isInteger(count) && count > 0 && Number.isInteger(seed))) {
  console.error('record-vectors: --count must be a whole number above 0, --seed a whole number');
  process.exit(2);
}
const { status } = spawnSync(process.execPath, [resolve(root, 'scripts/build.mjs')], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
const { recordVectors } = await import(resolve(root, 'build/test/differential/vectors/record_vectors.js'));
try {
  const { name, file, recorded } = recordVectors(root, count, seed);
  writeFileSync(resolve(root, 'test/differential/vectors', name), file);
  console.log(`${name}: ${recorded} cases, ${file.length} bytes; ${count - recorded} left out, with two results`);
} catch (error) {
  if (error.name !== 'NoReferenceError') throw error;
  console.error(`record-vectors: ${error.message}`);
  process.exit(1);
}
