// SPDX-License-Identifier: LGPL-2.1-only
// npm run lint: types (both configurations), ESLint, formatting, and the style of the AssemblyScript sources. Every step runs; one failure fails all.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { root } from './build/paths.mjs';

const bin = (name) => resolve(root, 'node_modules/.bin', name);
const steps = [
  ['types', bin('tsc'), ['-p', 'tsconfig.json']],
  ['types without Node', bin('tsc'), ['-p', 'tsconfig.vmm.json']],
  ['types of the page', bin('tsc'), ['-p', 'tsconfig.site.json']],
  ['eslint', bin('eslint'), ['--max-warnings', '0', '.']],
  ['format', bin('prettier'), ['--check', '--log-level', 'warn', '.']],
  ['AssemblyScript', process.execPath, ['scripts/check_assembly_script.mjs']],
];
let failed = false;
for (const [name, command, args] of steps) {
  if (args[0].endsWith?.('.mjs') && !existsSync(resolve(root, args[0]))) {
    console.error(`lint: ${name}: ${args[0]} is missing`);
    failed = true;
    continue;
  }
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    console.error(`lint: ${name} failed`);
    failed = true;
  }
}
process.exit(failed ? 1 : 0);
