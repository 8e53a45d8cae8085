// SPDX-License-Identifier: LGPL-2.1-only
import { SectionType, SpecialSection, SymbolType } from '../boot/elf_format.js';
import type { ElfImage } from '../boot/elf_image.js';
import { SymbolFileError } from './symbol_file_error.js';
import type { FileSymbol } from './symbol_table.js';

const NO_PLACE: readonly number[] = [SymbolType.SECTION, SymbolType.FILE, SymbolType.TLS];

/** The symbols of an ELF file that are places in memory. @param file its name, for messages. @throws SymbolFileError, BootError if the file is damaged */
export function elfSymbols(image: ElfImage, file: string): FileSymbol[] {
  const symbols = image
    .symbols()
    .filter(({ name, type, section }) => name !== '' && !NO_PLACE.includes(type) && isPlace(section))
    .map(({ name, value }) => ({ name, address: value }));
  if (symbols.length === 0)
    throw new SymbolFileError(`${file} is an ELF file without a symbol table: it was stripped`, {
      details: {
        where: file,
        found: `no section of type ${SectionType.SYMTAB}`,
        expected: 'a file that has symbols, such as the vmlinux of a -dbg package',
      },
    });
  return symbols;
}

const isPlace = (section: number): boolean => section !== SpecialSection.UNDEF && section < SpecialSection.RESERVED;
