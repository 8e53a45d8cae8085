// SPDX-License-Identifier: LGPL-2.1-only
// npm run site [-- OPTIONS]: builds the page into build/site, a static site. `npm run site -- --help` lists the options.
import { spawnSync } from 'node:child_process';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildFolder, root } from './build/paths.mjs';

const MIB = 2 ** 20;

const USAGE = `npm run site [-- OPTIONS]: builds the page into build/site, a static site
  --guest NAME        also put a guest of bfm guest there; repeatable
  --snapshot FILE     also put a snapshot of bfm run --save there, without disks and VMM; repeatable
  --kernel FILE       also put a kernel of yours there, with --initrd FILE and --append TEXT
  --memory MIB        memory of that kernel's machine, a number of MiB (256)
  --out FOLDER        where to build it (build/site)
  --serve [PORT]      then serve it on 127.0.0.1 (8080) until Ctrl-C
  --help              print this`;

function refuse(why) {
  console.error(`npm run site: ${why}\n${USAGE}`);
  process.exit(2);
}

function options() {
  try {
    return parseArgs({
      options: {
        guest: { type: 'string', multiple: true },
        snapshot: { type: 'string', multiple: true },
        kernel: { type: 'string' },
        initrd: { type: 'string' },
        append: { type: 'string' },
        memory: { type: 'string' },
        out: { type: 'string' },
        serve: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
      allowPositionals: true,
    });
  } catch (error) {
    return refuse(error.message.split('.')[0]);
  }
}

/** The guests that the project has itself, and those that were asked for. */
async function guestsOf({ guest = [], kernel, initrd, append, memory = '256' }) {
  const { findGuest } = await import(join(buildFolder, 'src/bfm/guests/find_guest.js'));
  const own = [
    { name: 'echo', append: '' },
    { name: 'cpuid', append: '100000' },
  ].map((each) => ({ ...each, kernel: findGuest(each.name).kernel, memoryBytes: 32 * MIB }));
  const made = guest.map((name) => {
    const { commandLine, ...files } = findGuest(name);
    return { name, ...files, append: commandLine, memoryBytes: 256 * MIB };
  });
  const given =
    kernel === undefined ? [] : [{ name: basename(kernel), kernel, initrd, append, memoryBytes: Number(memory) * MIB }];
  return [...given, ...made, ...own];
}

/** A pipe or a device would be read for ever. @throws for the first file that cannot be read */
async function refuseFlaws({ snapshot = [], kernel, initrd }) {
  const { fileFlaw } = await import(join(buildFolder, 'src/driver/node/file_flaw.js'));
  const given = [...snapshot.map((file) => ['--snapshot', file]), ['--kernel', kernel], ['--initrd', initrd]];
  for (const [option, file] of given) {
    const flaw = file === undefined ? undefined : fileFlaw(file);
    if (flaw !== undefined) throw new Error(`${option} ${file}: ${flaw.sentence}`);
  }
}

async function serve(folder, port) {
  const { context } = await import('esbuild');
  const server = await context({});
  const { hosts } = await server.serve({ servedir: folder, host: '127.0.0.1', port });
  console.log(`http://${hosts[0]}:${port}/`);
}

const { values, positionals } = options();
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const [port = '8080', ...others] = positionals;
if ((positionals.length > 0 && !values.serve) || others.length > 0 || !/^\d{1,5}$/.test(port)) {
  refuse(`unexpected '${positionals.join(' ')}'; a port goes after --serve`);
}
if (values.memory !== undefined && !/^[1-9]\d{0,3}$/.test(values.memory)) {
  refuse(`--memory ${values.memory}: it must be a number of MiB, as in --memory 512`);
}
const { status } = spawnSync(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
const folder = resolve(values.out ?? join(buildFolder, 'site'));
try {
  await refuseFlaws(values);
  const { buildSite } = await import('./site/build_site.mjs');
  await buildSite(folder, await guestsOf(values), values.snapshot);
  console.log(`the site is in ${folder}`);
  if (values.serve) await serve(folder, Number(port));
} catch (error) {
  console.error(`npm run site: ${error.message}`);
  process.exit(1);
}
