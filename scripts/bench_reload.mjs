// SPDX-License-Identifier: LGPL-2.1-only
// npm run bench:reload [-- --times N] [--cpus N] [--json]: how long a saved change takes until the first VM exit under the new handler, and the parts of
// that time, in one run of `bfm run --watch`. The handler itself says when: with --real-clock, modules and this script read one clock. Medians, and the worst.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildFolder, root } from './build/paths.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean' },
    times: { type: 'string', default: '20' },
    cpus: { type: 'string', default: '1' },
  },
});
const times = Number(options.times);

/** An extension that says its version, and when, at its first VM exit. */
const extension = (version) => `
  import { bfdebug, ExitContribution, ExitReason, state, vcpuModule } from 'bareflank';
  const version = ${version};
  let isFirst = true;
  class Counting {
    readonly name = 'counting';
    readonly reasons = [ExitReason.Cpuid];
    @state() private count = 0;
    handleExit() {
      this.count++;
      if (isFirst) bfdebug\`version \${version} at \${performance.timeOrigin + performance.now()}\`;
      isFirst = false;
      return false;
    }
  }
  export default vcpuModule(({ bind }) => {
    bind(Counting).toSelf();
    bind(ExitContribution).toService(Counting);
  });
`;

const folder = mkdtempSync(join(tmpdir(), 'bench-reload-'));
const file = join(folder, 'counting.ts');
const now = () => performance.timeOrigin + performance.now();

/** Milliseconds that the bundler takes for a version here. */
async function bundling(version) {
  const { moduleSources } = await import(join(buildFolder, 'src/driver/node/load_module.js'));
  const own = join(folder, 'bundled.ts');
  writeFileSync(own, extension(version));
  const began = now();
  await moduleSources(own);
  return now() - began;
}

/** Lines of a run's messages, as they come. */
function linesOf(stream) {
  const waiting = [];
  let text = '';
  stream.on('data', (data) => {
    text += data;
    for (const each of [...waiting]) {
      const found = each.wanted.exec(text);
      if (found === null) continue;
      waiting.splice(waiting.indexOf(each), 1);
      each.done(found);
    }
  });
  return (wanted) =>
    new Promise((done) => {
      const found = wanted.exec(text);
      if (found === null) waiting.push({ wanted, done });
      else done(found);
    });
}

writeFileSync(file, extension(0));
const guest = ['--guest', 'cpuid', '--append', '1000000000000', '--cpus', options.cpus];
const run = spawn(
  process.execPath,
  [join(root, 'bin/bfm.mjs'), 'run', ...guest, '-m', file, '--watch', '--real-clock'],
  {
    stdio: ['ignore', 'ignore', 'pipe'],
  },
);
const parts = { total: [], bundling: [], loading: [], change: [], rest: [] };
try {
  const line = linesOf(run.stderr);
  await line(/version 0 at/);
  await bundling(-1);
  for (let version = 1; version <= times; version++) {
    parts.bundling.push(await bundling(version));
    const saved = now();
    writeFileSync(file, extension(version));
    const [, at] = await line(new RegExp(`version ${version} at ([\\d.]+)`));
    const messages = await line(
      new RegExp(`(?:reloaded; [^\\n]*\\(loaded in ([\\d.]+) ms, changed over in ([\\d.]+) ms\\)[^]*?){${version}}`),
    );
    parts.total.push(Number(at) - saved);
    parts.loading.push(Number(messages[1]));
    parts.change.push(Number(messages[2]));
    parts.rest.push(parts.total.at(-1) - parts.bundling.at(-1) - parts.loading.at(-1) - parts.change.at(-1));
  }
} finally {
  run.kill('SIGKILL');
  rmSync(folder, { recursive: true });
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const results = Object.fromEntries(
  Object.entries(parts).map(([name, numbers]) => [name, { median: median(numbers), worst: Math.max(...numbers) }]),
);
const names = {
  total: 'from the save to the first VM exit under the new handler',
  bundling: 'bundling, measured next to it',
  loading: 'loading of the bundle in the machine',
  change: 'change of the parts',
  rest: 'the rest: 20 ms in which the folder must be quiet, transfer, the next exit',
};
if (options.json) console.log(JSON.stringify(results));
else
  for (const [name, { median: middle, worst }] of Object.entries(results))
    console.log(`${middle.toFixed(1).padStart(8)} ms (worst ${worst.toFixed(1)})  ${names[name]}`);
