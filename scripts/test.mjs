// SPDX-License-Identifier: LGPL-2.1-only
// npm test [-- --full] [-- --grep TEXT] [-- FILE…]: builds what is stale, then runs every spec of test/ and of the extensions' own folders.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import Mocha from 'mocha';
import { buildFolder, filesBelow, root } from './build/paths.mjs';

const { values, positionals } = parseArgs({
  options: { full: { type: 'boolean' }, grep: { type: 'string' } },
  allowPositionals: true,
});

function build() {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [resolve(root, 'scripts/build.mjs')], { stdio: 'inherit' });
    child.on('error', failed);
    child.on('exit', (code) => (code === 0 ? done() : process.exit(code ?? 1)));
  });
}

/** A source path of a spec, or a built one, as the built file that Mocha loads. */
function builtSpec(path) {
  const name = relative(root, resolve(path)).replace(/\.ts$/, '.js');
  const built = name.startsWith('build/') ? resolve(root, name) : resolve(buildFolder, name);
  if (!existsSync(built)) {
    console.error(`npm test: ${path} is no spec: ${built} does not exist`);
    process.exit(2);
  }
  return built;
}

await build();
if (values.full) process.env.BAREFLANK_FULL = '1';
const isSpec = (path) => path.endsWith('.spec.js');
const specs =
  positionals.length > 0
    ? positionals.map(builtSpec)
    : ['test', 'extensions'].flatMap((folder) => filesBelow(`build/${folder}`, isSpec));
const mocha = new Mocha({
  forbidOnly: true,
  failZero: true,
  timeout: values.full ? 3_600_000 : 120_000,
  slow: 2_000,
  ...(values.grep === undefined ? {} : { grep: values.grep }),
  reporter: process.env.CI === 'true' ? 'dot' : 'spec',
});
for (const spec of specs) mocha.addFile(spec);
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
