// SPDX-License-Identifier: LGPL-2.1-only
// npm test [-- --full] [-- --grep TEXT] [-- --shuffle SEED] [-- --jobs N] [-- FILE|FOLDER…]: builds what is stale, then runs every spec of test/ and
// of the extensions' own folders, or those that are named. A seed gives their files another order: no spec may depend on what ran before it.
// All specs run in several processes, one a processor and at most four; --jobs 1 runs them in this one. A folder's specs stay together.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import Mocha from 'mocha';
import { buildFolder, filesBelow, root } from './build/paths.mjs';

const { values, positionals } = parseArgs({
  options: {
    full: { type: 'boolean' },
    grep: { type: 'string' },
    shuffle: { type: 'string' },
    jobs: { type: 'string' },
    // which of the parts of a run in several processes, from 0
    part: { type: 'string' },
  },
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

/** The files of each folder. */
function byFolder(files) {
  const folders = new Map();
  for (const file of files) folders.set(dirname(file), [...(folders.get(dirname(file)) ?? []), file]);
  return [...folders.values()];
}

/** The files of each process: whole folders, the largest first to the process with the fewest files. */
function partsOf(files, count) {
  const parts = Array.from({ length: count }, () => []);
  for (const folder of byFolder(files).toSorted((a, b) => b.length - a.length))
    parts.reduce((least, part) => (part.length < least.length ? part : least)).push(...folder);
  return parts;
}

/** Runs one part in a process of its own, with its output here as it comes or, for the later ones, at its end. @returns its counts and its status */
function runPart(part, count) {
  const args = [
    resolve(root, 'scripts/test.mjs'),
    ...process.argv.slice(2),
    '--jobs',
    String(count),
    '--part',
    String(part),
  ];
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, args, { stdio: ['inherit', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        text += data;
        if (part === 0) process.stdout.write(data);
      });
    child.on('error', failed);
    child.on('close', (status) => {
      if (part > 0) process.stdout.write(text);
      const counts = /^(\d+) passed, (\d+) failed, (\d+) skipped$/m.exec(text)?.slice(1).map(Number);
      // a process that was killed has counted nothing
      done({ counts: counts ?? [0, 1, 0], status: status ?? 1 });
    });
  });
}

async function runParts(count) {
  const results = await Promise.all(Array.from({ length: count }, (_, part) => runPart(part, count)));
  const [passed, failures, skipped] = [0, 1, 2].map((which) =>
    results.reduce((sum, { counts }) => sum + counts[which], 0),
  );
  console.log(`${passed} passed, ${failures} failed, ${skipped} skipped in ${count} processes`);
  const hasNone = passed + failures + skipped === 0;
  if (hasNone) console.error('npm test: no test has such a title');
  process.exitCode = hasNone ? 1 : Math.max(...results.map(({ status }) => status));
}

async function runSpecs(specs) {
  const mocha = new Mocha({
    forbidOnly: true,
    failZero: values.part === undefined,
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
}

if (values.part === undefined) await build();
if (values.full) process.env.BAREFLANK_FULL = '1';
const all = ['test', 'extensions'].flatMap((folder) => filesBelow(`build/${folder}`, isSpec));
const jobs = Number(values.jobs ?? Math.min(availableParallelism(), 4));
if (!Number.isInteger(jobs) || jobs < 1) {
  console.error(`npm test: --jobs ${values.jobs} is no number of processes`);
  process.exit(2);
}
if (positionals.length > 0) await runSpecs(positionals.flatMap(builtSpecs));
else if (values.part !== undefined) await runSpecs(partsOf(all, jobs)[Number(values.part)]);
else if (jobs > 1) await runParts(jobs);
else await runSpecs(all);
