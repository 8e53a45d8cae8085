// SPDX-License-Identifier: LGPL-2.1-only
// npm run coverage: the specs that test src/vmm and src/intrinsics, with c8 (settings in .c8rc.json); fails if a spec does, or if less than 95 %
// of the branches of either folder are taken. Reports: coverage/index.html, coverage/lcov.info. The machine's,
// bfm's and Bochs's specs do not count: what they would add is execution without a check of the result.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { filesBelow, root } from './build/paths.mjs';

const wanted = 95;
const areas = ['src/intrinsics', 'src/vmm'];
const tested = ['extensions', 'test/driver', 'test/extensions', 'test/intrinsics', 'test/support', 'test/vmm'];

/** Runs a program of node_modules/.bin or a script to its end; a failure is the end of this one. */
function run(...command) {
  const { status } = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/** Branches taken and branches that there are, below a folder. */
function branchesOf(area, summary) {
  const files = Object.entries(summary).filter(([file]) =>
    relative(root, file).split(sep).join('/').startsWith(`${area}/`),
  );
  const sum = (what) => files.reduce((all, [, { branches }]) => all + branches[what], 0);
  return { covered: sum('covered'), total: sum('total') };
}

run(resolve(root, 'scripts/build.mjs'));
const specs = tested.flatMap((folder) => filesBelow(`build/${folder}`, (path) => path.endsWith('.spec.js')));
const [c8, mocha] = ['c8/bin/c8.js', 'mocha/bin/mocha.js'].map((file) => resolve(root, 'node_modules', file));
run(c8, process.execPath, mocha, '--timeout', '240000', '--reporter', 'dot', ...specs);
const summary = JSON.parse(readFileSync(resolve(root, 'coverage/coverage-summary.json'), 'utf8'));
let failed = false;
for (const area of areas) {
  const { covered, total } = branchesOf(area, summary);
  const percent = (100 * covered) / total;
  console.log(`${area}: ${covered} of ${total} branches, ${percent.toFixed(2)} %, wanted ${wanted} %`);
  failed ||= !(percent >= wanted);
}
process.exitCode = failed ? 1 : 0;
