// SPDX-License-Identifier: LGPL-2.1-only
// The files of a new extension: they build, load and pass their own test as they are.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, isAbsolute, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FileError } from '../failures/file_error.js';
import { packageRoot } from '../../driver/node/package_paths.js';
import { DEFAULT_GDB_PORT } from '../gdb/gdb_address.js';
import { DEFAULT_INSPECT_PORT } from '../options/inspect_address.js';
import { UsageError } from '../failures/usage_error.js';

const classOf = (name: string): string =>
  name
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');

const source = (name: string): string => `// SPDX-License-Identifier: LGPL-2.1-only
import { ExitContribution, ExitReason, ReportContribution, state, vcpuModule } from 'bareflank';

/** Counts the CPUIDs of the guest, and lets the base emulate them. */
export class ${classOf(name)} implements ExitContribution, ReportContribution {
  readonly name = '${name}';
  readonly reasons = [ExitReason.Cpuid];
  /** It survives snapshots and hot reload. */
  @state() count = 0;

  handleExit(): boolean {
    this.count++;
    return false; // not handled: the next contribution is asked, the base last
  }

  report(): Record<string, number> {
    return { count: this.count };
  }
}

export default vcpuModule(({ bind }) => {
  bind(${classOf(name)}).toSelf();
  bind(ExitContribution).toService(${classOf(name)});
  bind(ReportContribution).toService(${classOf(name)});
});
`;

const spec = (name: string): string => `// SPDX-License-Identifier: LGPL-2.1-only
import { make } from 'bareflank/testing';
import { expect } from 'chai';
import { ${classOf(name)} } from './${name}.js';

describe('${classOf(name)}', () => {
  it('counts, and leaves the exit to the base', () => {
    const it = make(${classOf(name)});
    expect(it.handleExit()).to.equal(false);
    expect(it.report()).to.deep.equal({ count: 1 });
  });
});
`;

/** The folder below which npx finds this package. Elsewhere npx downloads and runs whatever the registry has under the name bfm. */
const npxRoot = basename(dirname(packageRoot)) === 'node_modules' ? dirname(dirname(packageRoot)) : packageRoot;

const isBelow = (folder: string, root: string): boolean => {
  const inside = relative(root, folder);
  return !inside.startsWith('..') && !isAbsolute(inside);
};

const readme = (name: string, folder: string): string => {
  const isInside = isBelow(folder, npxRoot);
  const at = isInside ? '' : `${folder}/`;
  const where = isInside
    ? ''
    : `
Type these commands in ${npxRoot}, where npx finds bfm. In any other folder, npx would ask the registry for a package of that name.
`;
  return `# ${name}

Counts the CPUIDs of the guest.
${where}
    npx bfm run --guest cpuid --append 1000 -m ${at}${name}.modules --stats
    npx bfm test ${at}${name}.spec.ts

With --watch, what you save is in the running VMM at once. To stop in a handler, run it with --inspect-brk, set a breakpoint in VS Code,
and start the debugger (F5).
`;
};

/** How VS Code debugs the extension, and the guest: see docs/debugging_extensions.md and docs/gdb.md. */
const launch = (name: string): string =>
  `${JSON.stringify(
    {
      version: '0.2.0',
      configurations: [
        {
          name: `${name}: attach to bfm run --inspect-brk`,
          type: 'node',
          request: 'attach',
          address: '127.0.0.1',
          port: DEFAULT_INSPECT_PORT,
          // The bundle with the source map is in the cache folder.
          resolveSourceMapLocations: null,
          skipFiles: ['<node_internals>/**'],
        },
        {
          name: `${name}: GDB on the guest of bfm run --gdb --wait`,
          type: 'cppdbg',
          request: 'launch',
          program: '${workspaceFolder}/vmlinux',
          cwd: '${workspaceFolder}',
          MIMode: 'gdb',
          miDebuggerServerAddress: `localhost:${DEFAULT_GDB_PORT}`,
        },
      ],
    },
    undefined,
    2,
  )}\n`;

/** Where TypeScript finds the declarations of what an extension may import, by the name that the extension writes. */
function declarations(): Readonly<Record<string, string>> {
  const isCheckout = existsSync(join(packageRoot, 'src', 'index.ts'));
  const types = isCheckout ? packageRoot : join(packageRoot, 'build', 'types');
  const suffix = isCheckout ? '.ts' : '.d.ts';
  return {
    bareflank: join(types, 'src', `index${suffix}`),
    'bareflank/testing': join(types, 'test', 'support', `index${suffix}`),
    // TypeScript ignores "exports" of a mapped folder, so the map names the file.
    inversify: fileURLToPath(import.meta.resolve('inversify')).replace(/\.js$/, '.d.ts'),
    chai: join(typeRoot(), 'chai'),
    sinon: join(typeRoot(), 'sinon'),
  };
}

/** The folder @types that holds Mocha's, chai's and Sinon's declarations: npm may install it above the package. */
function typeRoot(): string {
  return dirname(dirname(createRequire(import.meta.url).resolve('@types/mocha/package.json')));
}

/** The editor reads this file; the framework does not. Its paths are relative in the checkout, so that it may be committed there. */
function tsconfig(folder: string): string {
  const fromFolder = (path: string): string => (isBelow(folder, packageRoot) ? relative(folder, path) : path);
  const compilerOptions = {
    target: 'ES2022',
    lib: ['ES2022', 'ESNext.Disposable'],
    module: 'ESNext',
    moduleResolution: 'Bundler',
    strict: true,
    experimentalDecorators: true,
    useDefineForClassFields: false,
    verbatimModuleSyntax: true,
    skipLibCheck: true,
    noEmit: true,
    typeRoots: [fromFolder(typeRoot())],
    types: ['mocha'],
    paths: Object.fromEntries(Object.entries(declarations()).map(([name, path]) => [name, [fromFolder(path)]])),
  };
  const text = JSON.stringify({ compilerOptions, include: ['*.ts'] }, undefined, 2);
  // Lists on one line, as Prettier has them.
  return `${text.replace(/\[\s+([^\]]*?)\s+\]/g, (_, list: string) => `[${list.replace(/\s*\n\s*/g, ' ')}]`)}\n`;
}

/**
 * Makes the folder of a new extension.
 *
 * @param name snake_case; the folder is `hypervisor_NAME`.
 * @param parent where the folder goes.
 * @returns the folder's path.
 * @throws UsageError for another kind of name; FileError if the folder exists.
 */
export function makeExtension(name: string, parent: string): string {
  if (!/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(name)) {
    throw new UsageError(`new extension ${name}: a name is made of lower-case words and digits, joined by _`);
  }
  const folder = join(parent, `hypervisor_${name}`);
  if (existsSync(folder)) throw new FileError(`new extension ${name}: ${folder} exists already`);
  mkdirSync(join(folder, '.vscode'), { recursive: true });
  const files: Readonly<Record<string, string>> = {
    [`${name}.ts`]: source(name),
    [`${name}.modules`]: `{ "modules": ["${name}.ts"] }\n`,
    [`${name}.spec.ts`]: spec(name),
    'README.md': readme(name, folder),
    'tsconfig.json': tsconfig(folder),
    '.vscode/launch.json': launch(name),
  };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return folder;
}
