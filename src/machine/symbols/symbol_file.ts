// SPDX-License-Identifier: LGPL-2.1-only
import { BootError } from '../boot/boot_error.js';
import { ElfImage, isElf } from '../boot/elf_image.js';
import type { BootFile } from '../boot/entry_state.js';
import { elfSymbols } from './elf_symbols.js';
import { SymbolFileError } from './symbol_file_error.js';
import { SymbolTable } from './symbol_table.js';
import { readSystemMap } from './system_map.js';

/** A file of symbols. */
export interface SymbolFile {
  readonly table: SymbolTable;
  /** What is added to the file's addresses. Undefined: nothing, or for a kernel that has moved itself, by how much its own tables say that it has. */
  readonly offset: bigint | undefined;
}

/** Reads an ELF file with a symbol table, a System.map, or what `nm` printed. @throws SymbolFileError */
export function readSymbolFile({ name, bytes }: BootFile): SymbolTable {
  if (!isElf(bytes)) return readSystemMap(name, textOf(name, bytes));
  try {
    return new SymbolTable(elfSymbols(new ElfImage({ name, bytes }, 'a file of symbols'), name));
  } catch (error) {
    if (!(error instanceof BootError)) throw error;
    throw new SymbolFileError(error.message, { causedBy: error, details: { where: name } });
  }
}

function textOf(name: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new SymbolFileError(`${name} has no symbols: it is neither an ELF file nor a text`, {
      causedBy: error,
      details: {
        where: name,
        expected: 'a vmlinux, another ELF file with a symbol table, or a System.map',
        advice:
          'of a compressed kernel (vmlinuz), leave --symbols out: the names are read from its memory once it runs',
      },
    });
  }
}
