// SPDX-License-Identifier: LGPL-2.1-only
// The extensions of a site's gallery: each folder extensions/hypervisor_example_*, whose module is one file.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { buildFolder, root } from '../build/paths.mjs';

const PREFIX = 'hypervisor_example_';

/** The one that the page shows first. */
const FIRST = `${PREFIX}cpuidcount`;

/** The first sentence of a README, which says what the extension does. */
function titleOf(readme) {
  const [, paragraph = ''] = readme.split('\n\n');
  return paragraph.replaceAll('\n', ' ').split(/(?<=\.)\s/)[0];
}

/** The bundle of a module. @param stdin its source, for one that is no file */
export async function bundleOf(entry) {
  const { siteBundleOptions } = await import(join(buildFolder, 'src/site/machine/bundle_format.js'));
  const result = await build({ ...siteBundleOptions, ...entry });
  return result.outputFiles[0].text;
}

/** What the modules of an extension declare. */
async function parametersOf(folder, file) {
  const { parametersIn } = await import(join(buildFolder, 'src/vmm/container/parameter.js'));
  const { PartModule } = await import(join(buildFolder, 'src/vmm/container/part_module.js'));
  const exports = await import(join(buildFolder, 'extensions', folder, file.replace(/\.ts$/, '.js')));
  const modules = Object.values(exports).filter((value) => value instanceof PartModule);
  return parametersIn(modules.flatMap((module) => module.record(file)));
}

/** Name, title, source, bundle and parameters of each extension. */
export async function galleryExtensions() {
  const folders = readdirSync(join(root, 'extensions')).filter((name) => name.startsWith(PREFIX));
  return Promise.all(
    folders
      .sort((a, b) => (b === FIRST) - (a === FIRST) || a.localeCompare(b))
      .map(async (name) => {
        const folder = join(root, 'extensions', name);
        const list = readdirSync(folder).find((file) => file.endsWith('.modules'));
        const { modules } = JSON.parse(readFileSync(join(folder, list), 'utf8'));
        if (modules.length !== 1) throw new Error(`${name} has ${modules.length} modules; the gallery shows one file`);
        const file = join(folder, modules[0]);
        return {
          name: name.slice(PREFIX.length),
          title: titleOf(readFileSync(join(folder, 'README.md'), 'utf8')),
          source: readFileSync(file, 'utf8'),
          code: await bundleOf({ entryPoints: [file] }),
          parameters: await parametersOf(name, modules[0]),
        };
      }),
  );
}
