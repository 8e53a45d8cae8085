// SPDX-License-Identifier: LGPL-2.1-only
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { BootFile, BootModule } from '../../machine/boot/entry_state.js';
import { CompiledForms } from '../../machine/compiled/compiled_forms.js';
import type { FormInformation, Templates } from '../../machine/generator/extract.js';
import { FileError } from '../failures/file_error.js';
import { packageRoot } from '../../driver/node/package_paths.js';
import type { InitrdRequest } from './run_request.js';

/** Reads a file for the machine's loader. @throws FileError */
export function readBootFile(path: string): BootFile {
  try {
    return { name: basename(path), bytes: readFileSync(path) };
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw new FileError(`${path} cannot be read: ${found}`, { causedBy: error, details: { where: path, found } });
  }
}

/** Reads a RAM disk or a module with its arguments. @throws FileError */
export function readBootModule(request: InitrdRequest): BootModule {
  return { ...readBootFile(request.file), arguments: request.arguments };
}

/** The compiled processor core. @throws FileError if it was not built */
export function readCoreModule(): WebAssembly.Module {
  return new WebAssembly.Module(readBootFile(join(packageRoot, 'build', 'cpu', 'cpu.wasm')).bytes);
}

function readBuilt<T>(name: string): T {
  const { bytes } = readBootFile(join(packageRoot, 'build', 'cpu', name));
  return JSON.parse(new TextDecoder().decode(bytes)) as T;
}

/** What hot code is compiled from. @throws FileError if it was not built */
export function readCompiledForms(): CompiledForms {
  return new CompiledForms(readBuilt<FormInformation[]>('forms.json'), readBuilt<Templates>('templates.json'));
}
