// SPDX-License-Identifier: LGPL-2.1-only
import { readSymbolFile, type SymbolFile } from '../../machine/symbols/symbol_file.js';
import { readBootFile } from './boot_file.js';
import type { SymbolsRequest } from './run_request.js';

/** Reads a file of `--symbols`. @throws FileError, SymbolFileError */
export function readSymbols({ file, offset }: SymbolsRequest): SymbolFile {
  return { table: readSymbolFile(readBootFile(file)), offset: offset === undefined ? undefined : BigInt(offset) };
}
