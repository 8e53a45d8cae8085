// SPDX-License-Identifier: LGPL-2.1-only
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { ModuleListError } from '../driver_errors.js';
import { jsonErrorPosition } from './json_error_position.js';
import { buildFolder, packageRoot } from './package_paths.js';

const SHAPE = '{"modules": ["file.ts", …]}';
const schema = z.strictObject({ modules: z.array(z.string().min(1)) });

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const before = text.slice(0, jsonErrorPosition(text));
    const place = `:${before.split('\n').length}:${before.length - before.lastIndexOf('\n')}`;
    throw new ModuleListError(`${file}${place}: no JSON: ${message}`, {
      causedBy: error,
      details: { where: `${file}${place}`, found: message, expected: SHAPE },
    });
  }
}

function read(file: string): string {
  try {
    // A pipe or a device would be read for ever.
    if (existsSync(file) && !statSync(file).isFile()) throw new Error('it is no file');
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ModuleListError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      causedBy: error,
      details: { where: file, expected: SHAPE },
    });
  }
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
  const parsed = schema.safeParse(parseJson(file, read(file)));
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the whole'}: ${issue.message}`);
    throw new ModuleListError(`${file}: wanted ${SHAPE}; ${problems.join('; ')}`, {
      details: { where: file, found: problems.join('; '), expected: SHAPE },
    });
  }
  const paths = parsed.data.modules.map((entry) => {
    const path = resolve(dirname(file), expand(entry));
    if (!existsSync(path))
      throw new ModuleListError(`${file} names '${entry}', but ${path} does not exist`, {
        details: { where: file, found: entry, expected: 'a file that exists, relative to the list' },
      });
    return realpathSync(path);
  });
  return [...new Set(paths)];
}
