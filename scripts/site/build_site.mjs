// SPDX-License-Identifier: LGPL-2.1-only
// Makes the static site: the page, the worker with its machine, the framework that extensions share, extensions, guests.
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { buildFolder, root } from '../build/paths.mjs';
import { galleryExtensions } from './extensions.mjs';
import { placeSnapshot } from './snapshots.mjs';

const require = createRequire(import.meta.url);
const page = join(root, 'src/site/page');

/**
 * The scripts. The worker and the shared packages are entries of one bundle, cut into chunks, so that extensions import the copy of the framework that
 * the worker runs.
 *
 * @returns what went into each of them, as esbuild's metafile
 */
export async function buildScripts(folder, write = true) {
  const { bundleSettings } = await import(join(buildFolder, 'src/driver/bundle_settings.js'));
  const { SHARED_PACKAGES } = await import(join(buildFolder, 'src/site/machine/bundle_format.js'));
  const addresses = { bareflank: join(root, 'src/index.ts') };
  const { metafile } = await build({
    ...bundleSettings,
    // The present folder may be any.
    absWorkingDir: root,
    platform: 'browser',
    // Its default for bundlers is made for Node.
    alias: { 'esbuild-wasm': require.resolve('esbuild-wasm/esm/browser.js') },
    logLevel: 'warning',
    write,
    entryPoints: {
      main: join(page, 'main.ts'),
      machine_worker: join(page, 'machine_worker.ts'),
      ...Object.fromEntries(
        SHARED_PACKAGES.map((name) => [name, addresses[name] ?? join(page, 'shared', `${name.replace('-', '_')}.ts`)]),
      ),
    },
    outdir: resolve(folder),
    chunkNames: 'chunks/[name]-[hash]',
    splitting: true,
    // Parts of the VMM are known by the names of their classes.
    keepNames: true,
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: true,
    metafile: true,
  });
  return metafile;
}

function copy(file, folder, name = basename(file)) {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  copyFileSync(file, join(folder, name));
  return name;
}

function digestOf(files, append) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(file));
  return hash.update(append).digest('hex').slice(0, 16);
}

function copyGuest({ name, kernel, initrd, append = '', memoryBytes }, folder) {
  const id = digestOf(initrd === undefined ? [kernel] : [kernel, initrd], append);
  const place = (file) => copy(file, folder, `guests/${name}/${basename(file)}`);
  return { name, id, kernel: place(kernel), ...(initrd && { initrd: place(initrd) }), append, memoryBytes };
}

/** What hot code is compiled from. */
async function placeForms(folder) {
  const { FORMS_FILE, packForms } = await import(join(buildFolder, 'src/site/machine/site_tier.js'));
  const read = (name) => JSON.parse(readFileSync(join(buildFolder, 'cpu', name), 'utf8'));
  writeFileSync(join(folder, FORMS_FILE), packForms({ forms: read('forms.json'), templates: read('templates.json') }));
}

async function placeExtensions(folder) {
  mkdirSync(join(folder, 'extensions'), { recursive: true });
  return (await galleryExtensions()).map(({ code, ...extension }) => {
    const bundle = `extensions/${extension.name}.js`;
    writeFileSync(join(folder, bundle), code);
    return { ...extension, bundle };
  });
}

/**
 * Makes a site. What was in the folder is removed first.
 *
 * @param guests name, kernel, initrd, append and memoryBytes of each @param snapshots files of `bfm run --save`
 */
export async function buildSite(folder, guests, snapshots = []) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await buildScripts(folder);
  copy(join(buildFolder, 'cpu/cpu.wasm'), folder);
  await placeForms(folder);
  for (const file of ['index.html', 'page.css']) copy(join(page, file), folder);
  copy(require.resolve('esbuild-wasm/esbuild.wasm'), folder);
  copy(require.resolve('@xterm/xterm/css/xterm.css'), folder);
  const catalog = {
    guests: [
      ...(await Promise.all(snapshots.map((file) => placeSnapshot(file, folder)))),
      ...guests.map((guest) => copyGuest(guest, folder)),
    ],
    extensions: await placeExtensions(folder),
  };
  writeFileSync(join(folder, 'site.json'), JSON.stringify(catalog));
}
