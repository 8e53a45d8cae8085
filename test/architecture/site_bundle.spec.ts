// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Metafile {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<
    Record<
      string,
      {
        readonly entryPoint?: string;
        readonly imports: readonly { readonly path: string; readonly kind: string }[];
      }
    >
  >;
}

const { buildScripts } = (await import(new URL('../../../scripts/site/build_site.mjs', import.meta.url).href)) as {
  buildScripts: (folder: string, write: boolean) => Promise<Metafile>;
};

describe('The scripts of the page', () => {
  let made: Metafile;
  before(async () => {
    // A site can be made from any folder.
    const folder = process.cwd();
    process.chdir(tmpdir());
    try {
      made = await buildScripts(join(folder, 'build', 'site'), false);
    } finally {
      process.chdir(folder);
    }
  });

  it('import nothing of Node, and nothing that a browser would have to find by a package name', () => {
    const scripts = Object.entries(made.outputs).filter(([path]) => path.endsWith('.js'));
    expect(scripts.map(([, { entryPoint }]) => entryPoint)).to.include('src/site/page/machine_worker.ts');
    const foreign = scripts.flatMap(([path, { imports }]) =>
      imports
        .filter(
          (each) => each.path.startsWith('node:') || builtinModules.includes(each.path) || !(each.path in made.outputs),
        )
        .map((each) => `${path} imports ${each.path}`),
    );
    expect(foreign).to.deep.equal([]);
  });

  it('have nothing of the command line, and nothing that reads files', () => {
    expect(Object.keys(made.inputs).filter((path) => /^src\/(bfm|driver\/node)\//.test(path))).to.deep.equal([]);
  });
});
