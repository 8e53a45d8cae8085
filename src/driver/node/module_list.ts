// SPDX-License-Identifier: LGPL-2.1-only
import { readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import type * as Zod from 'zod';
import { ModuleListError } from '../driver_errors.js';
import { flawsOf } from './data_flaws.js';
import { fileFlaw } from './file_flaw.js';
import { jsonErrorPosition } from './json_error_position.js';
import { buildFolder, packageRoot } from './package_paths.js';

const SHAPE = '{"modules": ["file.ts", …]}';

/** Loaded only if there is a list: a start of the VMM without one takes 75 ms less. */
function listSchema() {
  const { z } = createRequire(import.meta.url)('zod') as typeof Zod;
  return z.strictObject({ modules: z.array(z.string().min(1)) });
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
  const { data, error } = listSchema().safeParse(list);
  if (error !== undefined) {
    const found = flawsOf(error, list, 'the whole');
    throw new ModuleListError(`${file} is not a list of modules, ${SHAPE}: ${found}; correct the file`, {
      details: { where: file, found, expected: SHAPE, advice: 'correct the file' },
    });
  }
  const paths = data.modules.map((entry) => {
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
