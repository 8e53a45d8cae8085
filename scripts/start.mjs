// SPDX-License-Identifier: LGPL-2.1-only
// npm start [-- N]: builds what is stale, then runs our own guest under the cpuidcount extension. The guest executes N CPUIDs (1000), and
// prints a checksum of the results and its own count. The table at the end shows the machine's count and the extension's.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './build/paths.mjs';

const count = process.argv[2] ?? '1000';
const folder = join(root, 'extensions', 'hypervisor_example_cpuidcount');
const modules = readdirSync(folder)
  .filter((name) => name.endsWith('.modules'))
  .map((name) => join(folder, name));
const args = [
  join(root, 'bin', 'bfm.mjs'),
  'run',
  '--guest',
  'cpuid',
  '--append',
  count,
  '-m',
  ...modules,
  ...process.argv.slice(3),
];
const child = spawn(process.execPath, args, { stdio: 'inherit' });
// Ctrl-C reaches the child directly, which ends with a report. This process only passes its status on.
process.on('SIGINT', () => {});
child.on('exit', (status, signal) => process.exit(signal === null ? status : 1));
