// SPDX-License-Identifier: LGPL-2.1-only
// The only way to load users' TypeScript into a process. A loader hook would load a second copy of the framework, whose classes are not the running
// ones.
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BuildFailure, Message, Plugin } from 'esbuild';
import { SecondCopyError } from '../../vmm/container/load_errors.js';
import { PartModule } from '../../vmm/container/part_module.js';
import { DriverError, ModuleFileError } from '../driver_errors.js';
import { bundleSettings, replacedGlobals } from '../bundle_settings.js';
import { ensureHandlerGlobals } from '../handler_globals.js';
import type { LoadedModule } from '../module_source.js';
import { fileFlaw } from './file_flaw.js';
import { evaluationOf } from './module_evaluation.js';
import { inversifyFile } from './package_paths.js';
import { hashOfInput, ModuleCache, type Bundle } from './module_cache.js';
import { portableCode, type PortableBundle } from './portable_bundle.js';

/** What modules share with the framework: the running copy's own files. */
const shared: Readonly<Record<string, () => string>> = {
  bareflank: () => new URL('../../index.js', import.meta.url).href,
  'bareflank/testing': () => new URL('../../../test/support/index.js', import.meta.url).href,
  inversify: () => pathToFileURL(inversifyFile).href,
  'reflect-metadata': () => import.meta.resolve('reflect-metadata'),
  // For users' specs.
  chai: () => import.meta.resolve('chai'),
  sinon: () => import.meta.resolve('sinon'),
};

const names = Object.keys(shared).join(', ');

/** What the bundles depend on besides their sources. */
const salt = JSON.stringify([bundleSettings, replacedGlobals, import.meta.url]);

/** Leaves the framework out of a bundle. */
const useRunningCopy: Plugin = {
  name: 'leave the framework out',
  setup({ onResolve }) {
    onResolve({ filter: /^(bareflank|inversify|reflect-metadata|chai|sinon)(\/|$)/ }, ({ path }) => {
      const url = shared[path];
      if (url !== undefined) return { path: url(), external: true };
      return { errors: [{ text: `'${path}' is not public; import from ${names}` }] };
    });
  },
};

/** Remembers what the bundler reads: a file may change before its bundle is written. @param hashes by real path */
const rememberInputs = (hashes: Map<string, string>): Plugin => ({
  name: 'remember the inputs',
  setup({ onLoad }) {
    onLoad({ filter: /./, namespace: 'file' }, ({ path }) => {
      if (fileFlaw(path) !== undefined) return undefined;
      const contents = readFileSync(path);
      hashes.set(realpathSync(path), hashOfInput(contents));
      return { contents, loader: 'default' };
    });
  },
});

/** File, line and column, relative to the current folder if the file is below it. */
function placeOf(message: Message | undefined, folder: string): string | undefined {
  if (message === undefined || message.location === null) return undefined;
  const { file, line, column } = message.location;
  const inside = relative('.', `${folder}/${file}`);
  return `${inside.startsWith('..') ? resolve(folder, file) : inside}:${line}:${column + 1}`;
}

/** What esbuild says, and where that names no cure, what we say. */
function inOurWords(text: string): string {
  if (text.startsWith('No loader is configured for')) return 'its name is not that of a TypeScript or JavaScript file';
  const [, path = ''] = /^Could not resolve "(.*)"$/.exec(text) ?? [];
  return isBuiltin(path)
    ? `'${path}' is a module of Node, which the code of a VMM cannot use; import from ${names}`
    : text;
}

function describeMessage(message: Message, file: string): string {
  const folder = dirname(file);
  const { location } = message;
  const text = inOurWords(message.text);
  return location === null
    ? `${file}: ${text}`
    : `${placeOf(message, folder)}: ${text}\n    ${location.lineText.trim()}`;
}

async function bundle(file: string, cache: ModuleCache): Promise<Bundle> {
  const folder = dirname(file);
  const read = new Map<string, string>();
  // Most modules have a bundle already: a start without the compiler takes 40 ms less.
  const { build } = await import('esbuild');
  return placingErrors(file, async () => {
    const result = await build({
      ...bundleSettings,
      entryPoints: [file],
      absWorkingDir: folder,
      // Frames name the sources, whatever the place of the bundle.
      outfile: join(folder, 'bundle.mjs'),
      sourceRoot: `${pathToFileURL(folder).href}/`,
      sourcemap: 'inline',
      define: replacedGlobals,
      plugins: [useRunningCopy, rememberInputs(read)],
    });
    return cache.keep(file, Object.fromEntries(read), result.outputFiles[0]!.text);
  });
}

/** Turns errors of the bundler into ours, which name file, line and column. */
async function placingErrors<T>(file: string, make: () => Promise<T>): Promise<T> {
  const folder = dirname(file);
  try {
    return await make();
  } catch (error) {
    const { errors } = error as Partial<BuildFailure>;
    if (errors === undefined) throw error;
    throw new ModuleFileError(errors.map((message) => describeMessage(message, file)).join('\n'), file, {
      causedBy: error,
      details: { where: placeOf(errors[0], folder) ?? file, found: errors.map(({ text }) => text).join('; ') },
    });
  }
}

/** The error for a name that a module imports from the framework, and that is not there. */
function missingExport(file: string, causedBy: unknown): ModuleFileError | undefined {
  if (!(causedBy instanceof SyntaxError)) return undefined;
  const [, url, found] =
    /^The requested module '(.*)' does not provide an export named '(.*)'$/.exec(causedBy.message) ?? [];
  const from = Object.keys(shared).find((name) => url === shared[name]!());
  if (from === undefined || found === undefined) return undefined;
  return new ModuleFileError(`${file}: '${from}' has no export named '${found}'`, file, {
    causedBy,
    details: { where: file, found, expected: `a name that '${from}' exports` },
  });
}

async function evaluate(file: string, bundled: string, isFresh: boolean): Promise<Readonly<Record<string, unknown>>> {
  ensureHandlerGlobals();
  try {
    // Node evaluates a URL once.
    const url = `${pathToFileURL(bundled).href}${isFresh ? `?${randomUUID()}` : ''}`;
    const evaluation = import(url) as Promise<Readonly<Record<string, unknown>>>;
    return await evaluationOf(file, evaluation);
  } catch (error) {
    if (error instanceof SecondCopyError || error instanceof ModuleFileError) throw error;
    // Its frames are in the cause.
    throw (
      missingExport(file, error) ??
      new ModuleFileError(`${file}: it threw while it was loaded: ${String(error)}`, file, { causedBy: error })
    );
  }
}

function modulesOf(file: string, exports: Readonly<Record<string, unknown>>): PartModule[] {
  const modules = [...new Set(Object.values(exports))].filter((value): value is PartModule => {
    if (value instanceof PartModule) return true;
    if (!PartModule.looksLike(value)) return false;
    throw new SecondCopyError(
      `${file}: its modules were made by another copy of bareflank than the one that runs (${new URL('../../index.js', import.meta.url).href})`,
      [file],
    );
  });
  if (modules.length > 0) return modules;
  const names = Object.keys(exports);
  throw new ModuleFileError(
    `${file} is not a module: none of its exports (${names.length === 0 ? 'it has none' : names.join(', ')}) was made by vmmModule() or vcpuModule()`,
    file,
  );
}

/** @throws ModuleFileError for a path that cannot be read as a file */
export function refuseFlaw(path: string): void {
  const flaw = fileFlaw(path);
  if (flaw === undefined) return;
  const why = flaw.found === 'nothing' ? `module ${path} does not exist` : `module ${path}: ${flaw.sentence}`;
  throw new ModuleFileError(why, path, { details: { where: path, found: flaw.found, expected: 'a file' } });
}

/**
 * Bundles a TypeScript or JavaScript file with everything that it imports except the framework.
 *
 * @returns the bundle, at the same path for the same content while there is a cache.
 * @throws ModuleFileError with file, line and column of a syntax error; DriverError if there is no folder to write to.
 */
export async function bundleFile(path: string): Promise<Bundle> {
  refuseFlaw(path);
  const file = realpathSync(path);
  const cache = new ModuleCache(salt);
  return cache.find(file) ?? (await bundle(file, cache));
}

/** Gives a bundle to `use`, once more if another process removed it from the cache after it was found. @throws DriverError if that happens twice */
async function withBundle<T>(path: string, use: (bundle: Bundle) => T | Promise<T>): Promise<T> {
  for (let attempts = 0; attempts < 2; attempts++) {
    using bundled = await bundleFile(path);
    try {
      return await use(bundled);
    } catch (error) {
      if (existsSync(bundled.path)) throw error;
    }
  }
  throw new DriverError(`${path}: its bundle was removed twice while it was being loaded`, {
    details: { where: path, advice: 'let nothing but bfm remove files from its cache folder' },
  });
}

function portable(bundle: string): PortableBundle {
  const names = new Map(Object.entries(shared).map(([name, url]) => [url(), name]));
  return portableCode(readFileSync(bundle, 'utf8'), names);
}

/** Bundles a module with everything that it imports except the framework. @throws ModuleFileError; DriverError */
export const portableBundle = (path: string): Promise<PortableBundle> =>
  withBundle(path, (bundle) => portable(bundle.path));

/** What a module is made from. */
export interface ModuleSources {
  /** Of `portableBundle`. */
  readonly sha256: string;
  /** The module's file, and all that it imports except the framework. */
  readonly inputs: readonly string[];
}

/** Bundles a module, to know whether it has changed. @throws ModuleFileError; DriverError */
export const moduleSources = (path: string): Promise<ModuleSources> =>
  withBundle(path, (bundle) => ({ sha256: portable(bundle.path).sha256, inputs: bundle.inputs }));

/** Loads a TypeScript or JavaScript file that need not be a module. @returns its exports @throws ModuleFileError with file, line and column of a syntax error */
export const loadExports = (path: string): Promise<Readonly<Record<string, unknown>>> =>
  withBundle(path, (bundle) => evaluate(path, bundle.path, false));

/**
 * Loads a TypeScript or JavaScript file: bundles it with everything that it imports except the framework, and evaluates it.
 *
 * Stack traces name the file's lines instead of the bundle's if the process has source maps enabled: its entry decides that.
 *
 * @param path of the file; its real path decides which file it is.
 * @param isFresh evaluates it again, so that variables of its modules are not shared with an earlier load.
 * @returns the modules among its exports.
 * @throws ModuleFileError with file, line and column of a syntax error; SecondCopyError.
 */
export function loadModule(path: string, isFresh = false): Promise<LoadedModule> {
  return withBundle(path, async (bundle) => {
    const { sha256: hash } = portable(bundle.path);
    return { modules: modulesOf(path, await evaluate(path, bundle.path, isFresh)), hash };
  });
}
