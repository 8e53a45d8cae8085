// SPDX-License-Identifier: LGPL-2.1-only
// InversifyJS consists of some 250 files. Each start of a VMM read them all, which took a third of the time to its first instruction. So the build makes
// one file of them, and all that is built imports that file. The framework, the tests and the users' modules thus share one copy.
// Its metadata package is in the file too: as a CommonJS module it took Node four times as long as the rest, to find out what it exports.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { buildFolder, root, unlessFresh } from './paths.mjs';

/** The file. `src/driver/node/package_paths.ts` names it too, and a test compares them. */
export const inversifyFile = join(buildFolder, 'vendor', 'inversify.js');

const packageFolder = join(root, 'node_modules', 'inversify');

/** The package with which InversifyJS and the framework keep metadata of classes. It only adds to the global `Reflect`. */
const METADATA = 'reflect-metadata/lite';

/** The versions of what is in the file, as a text. */
function versions() {
  const lock = join(root, 'package-lock.json');
  const { packages } = existsSync(lock) ? JSON.parse(readFileSync(lock, 'utf8')) : { packages: {} };
  const parts = Object.keys(packages).filter((name) =>
    /^node_modules\/(@?inversify(js)?|reflect-metadata)(\/|$)/.test(name),
  );
  return parts.map((name) => `${name} ${packages[name].version}`).join('\n');
}

/** Makes the file if one of its packages has changed since the last build. */
export async function buildInversify() {
  await unlessFresh('inversify', versions(), [inversifyFile], async () => {
    const { build } = await import('esbuild');
    mkdirSync(dirname(inversifyFile), { recursive: true });
    await build({
      entryPoints: [join(packageFolder, 'lib', 'index.js')],
      outfile: inversifyFile,
      bundle: true,
      format: 'esm',
      platform: 'neutral',
      target: 'es2022',
      // Its errors are known by the names of their classes.
      keepNames: true,
      banner: { js: `/*\n${readFileSync(join(packageFolder, 'LICENSE'), 'utf8')}*/` },
      logLevel: 'warning',
    });
  });
}

/** The imports at the head of a module, as esbuild prints them. */
const head = /^(?:import [^;]*;.*\n)+/m;

/** Lets a module import that file instead of the packages in it. @param code an ECMAScript module, as esbuild prints it @param target where the module will be */
export function importInversify(code, target) {
  const path = relative(dirname(target), inversifyFile).split(sep).join(posix.sep);
  return code.replace(head, (imports) =>
    imports.replaceAll('from "inversify";', `from "${path}";`).replaceAll(`import "${METADATA}";`, `import "${path}";`),
  );
}
