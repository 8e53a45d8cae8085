// SPDX-License-Identifier: LGPL-2.1-only
// TypeScript is transpiled file by file, so that one module of the source is one module at run time: tests, the public entry and
// the command line share one instance of each class.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { importConstants } from './import_constants.mjs';
import { importInversify } from './inversify.mjs';
import { buildFolder, filesBelow, hashOf, root } from './paths.mjs';

/** The compiler options that decide about the emitted code. `loadModule` uses the same options for users' files. */
export const tsconfigRaw = {
  compilerOptions: { experimentalDecorators: true, useDefineForClassFields: false, verbatimModuleSyntax: true },
};

const isSource = (path) =>
  path.endsWith('.ts') &&
  !path.endsWith('.d.ts') &&
  !path.includes('/src/machine/cpu/') &&
  !path.includes('/fixtures/');

async function transpile(path, target) {
  // Most runs of bfm find nothing stale, and must not wait for a compiler.
  const { transform } = await import('esbuild');
  const result = await transform(readFileSync(path, 'utf8'), {
    loader: 'ts',
    format: 'esm',
    target: 'es2022',
    sourcefile: path,
    sourcemap: 'inline',
    sourcesContent: false,
    tsconfigRaw,
  });
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, importInversify(importConstants(result.code), target));
}

function removeStale(wanted) {
  for (const folder of ['src', 'test', 'extensions']) {
    const base = join(buildFolder, folder);
    if (!existsSync(base)) continue;
    for (const entry of readdirSync(base, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath ?? entry.path, entry.name);
      if (entry.isFile() && path.endsWith('.js') && !wanted.has(path)) rmSync(path);
    }
  }
}

/** Transpiles what changed since the last build. */
export async function buildTypeScript() {
  const folders = [
    'src',
    'test',
    ...readdirSync(root).filter((name) => name === 'extensions' || name.startsWith('src_')),
  ];
  const sources = folders.flatMap((folder) => filesBelow(folder, isSource));
  const hashes = join(buildFolder, 'stamps', 'typescript.json');
  const known = existsSync(hashes) ? JSON.parse(readFileSync(hashes, 'utf8')) : {};
  const now = {};
  const salt = JSON.stringify(tsconfigRaw) + String(importConstants) + String(importInversify);
  const targets = new Set();
  const jobs = [];
  for (const path of sources) {
    const name = relative(root, path);
    const target = join(buildFolder, name.replace(/\.ts$/, '.js'));
    targets.add(target);
    now[name] = hashOf([path], salt);
    if (known[name] !== now[name] || !existsSync(target) || statSync(target).size === 0)
      jobs.push(transpile(path, target));
  }
  await Promise.all(jobs);
  removeStale(targets);
  const text = JSON.stringify(now);
  // A read-only checkout is fine, as long as nothing in it is stale.
  if (JSON.stringify(known) === text) return;
  mkdirSync(dirname(hashes), { recursive: true });
  writeFileSync(hashes, text);
}
