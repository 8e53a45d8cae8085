// SPDX-License-Identifier: LGPL-2.1-only
// npm test [-- --full] [-- --grep TEXT] [-- --shuffle SEED] [-- FILE|FOLDER…]: builds what is stale, then runs every spec of test/ and of the
// extensions' own folders, or those that are named. A seed gives their files another order: no spec may depend on what ran before it.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import Mocha from 'mocha';
import { buildFolder, filesBelow, root } from './build/paths.mjs';

const { values, positionals } = parseArgs({
  options: { full: { type: 'boolean' }, grep: { type: 'string' }, shuffle: { type: 'string' } },
  allowPositionals: true,
});

function build() {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [resolve(root, 'scripts/build.mjs')], { stdio: 'inherit' });
    child.on('error', failed);
    child.on('exit', (code) => (code === 0 ? done() : process.exit(code ?? 1)));
  });
}

const isSpec = (path) => path.endsWith('.spec.js');

/** The built files that Mocha loads for a spec or a folder, whose path is that of the sources or of the build. */
function builtSpecs(path) {
  const name = relative(root, resolve(path)).replace(/\.ts$/, '.js');
  const built = name.startsWith('build/') ? resolve(root, name) : resolve(buildFolder, name);
  if (!existsSync(built)) {
    console.error(`npm test: ${path} is no spec: ${built} does not exist`);
    process.exit(2);
  }
  return statSync(built).isDirectory() ? filesBelow(relative(root, built), isSpec) : [built];
}

/** Files in the order of a seed. */
function shuffled(files, seed) {
  const place = (file) =>
    createHash('sha256')
      .update(`${seed} ${relative(root, file)}`)
      .digest('hex');
  return files
    .map((file) => [place(file), file])
    .sort()
    .map(([, file]) => file);
}

await build();
if (values.full) process.env.BAREFLANK_FULL = '1';
const specs =
  positionals.length > 0
    ? positionals.flatMap(builtSpecs)
    : ['test', 'extensions'].flatMap((folder) => filesBelow(`build/${folder}`, isSpec));
const mocha = new Mocha({
  forbidOnly: true,
  failZero: true,
  timeout: values.full ? 3_600_000 : 120_000,
  slow: 2_000,
  ...(values.grep === undefined ? {} : { grep: values.grep }),
  reporter: process.env.CI === 'true' ? 'dot' : 'spec',
});
for (const spec of values.shuffle === undefined ? specs : shuffled(specs, values.shuffle)) mocha.addFile(spec);
await mocha.loadFilesAsync();
const runner = mocha.run((failures) => {
  const { passes, pending } = runner.stats;
  console.log(`${passes} passed, ${failures} failed, ${pending} skipped`);
  process.exitCode = failures > 0 ? 1 : 0;
  // What a spec left open would keep this process, and CI with it, for ever.
  setTimeout(() => {
    console.error(`npm test: specs left open: ${process.getActiveResourcesInfo().join(', ')}`);
    process.exit(1);
  }, 10_000).unref();
});
