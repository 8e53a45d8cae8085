// SPDX-License-Identifier: LGPL-2.1-only
import { readFileSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ModuleListError } from '../driver_errors.js';
import { found, joined } from './data_flaws.js';
import { fileFlaw } from './file_flaw.js';
import { jsonErrorPosition } from './json_error_position.js';
import { buildFolder, packageRoot } from './package_paths.js';

const SHAPE = '{"modules": ["file.ts", …]}';

function entryFlaw(entry: unknown, index: number): string[] {
  if (typeof entry !== 'string') return [`modules.${index}: found ${found(entry)}, expected a text`];
  return entry === '' ? [`modules.${index}: found ${found(entry)}, expected at least 1 characters`] : [];
}

/** What keeps a value from being a list of modules. By hand: each run under a VMM reads a list, and to load zod for it took 75 ms. */
function flawsOf(list: unknown): string[] {
  if (typeof list !== 'object' || list === null || Array.isArray(list))
    return [`the whole: found ${found(list)}, expected an object`];
  const { modules, ...others } = list as Partial<Record<string, unknown>>;
  const flaws = Array.isArray(modules)
    ? modules.flatMap(entryFlaw)
    : [`modules: found ${found(modules)}, expected a list`];
  return [...flaws, ...Object.keys(others).map((key) => `the whole: found ${found(key)}, expected no such field`)];
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const before = text.slice(0, jsonErrorPosition(text));
    const place = `:${before.split('\n').length}:${before.length - before.lastIndexOf('\n')}`;
    throw new ModuleListError(`${file}${place}: this is not JSON: ${message}`, {
      causedBy: error,
      details: { where: `${file}${place}`, found: message, expected: SHAPE },
    });
  }
}

function read(file: string): string {
  const flaw = fileFlaw(file);
  if (flaw === undefined) return readFileSync(file, 'utf8');
  throw new ModuleListError(`${file} cannot be read: ${flaw.sentence}`, {
    details: { where: file, found: flaw.found, expected: SHAPE },
  });
}

function expand(entry: string): string {
  return entry.replaceAll('%HYPER_ABS%', packageRoot).replaceAll('%BUILD_ABS%', buildFolder);
}

/**
 * The files that a `.modules` file names: JSON `{"modules": ["file", …]}`. Relative paths are relative to the file, `%HYPER_ABS%` is the
 * package's root, `%BUILD_ABS%` its build folder. The base VMM is implicit.
 *
 * @returns real paths, each once.
 * @throws ModuleListError naming the file, and for JSON the place.
 */
export function readModuleList(file: string): string[] {
  const list: unknown = parseJson(file, read(file));
  const flaws = flawsOf(list);
  if (flaws.length > 0) {
    const named = joined(flaws);
    throw new ModuleListError(`${file} is not a list of modules, ${SHAPE}: ${named}; correct the file`, {
      details: { where: file, found: named, expected: SHAPE, advice: 'correct the file' },
    });
  }
  const { modules } = list as { readonly modules: readonly string[] };
  const paths = modules.map((entry) => {
    const path = resolve(dirname(file), expand(entry));
    const flaw = fileFlaw(path);
    if (flaw === undefined) return realpathSync(path);
    const why = flaw.found === 'nothing' ? `${path} does not exist` : `${path} cannot be read: ${flaw.sentence}`;
    throw new ModuleListError(`${file} names '${entry}', but ${why}`, {
      details: { where: file, found: entry, expected: 'a file that exists, relative to the list' },
    });
  });
  return [...new Set(paths)];
}
