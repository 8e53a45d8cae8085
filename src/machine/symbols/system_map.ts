// SPDX-License-Identifier: LGPL-2.1-only
import { SymbolFileError } from './symbol_file_error.js';
import { SymbolTable, type FileSymbol } from './symbol_table.js';

/** As `nm` writes it: address, type, name. /proc/kallsyms has a module behind the name. */
const LINE = /^([0-9a-fA-F]{1,16}) ([A-Za-z?]) (\S+)(?:\s+\[\S+\])?\s*$/;

/** Types of symbols that are no places: absolute values, undefined ones and debugging ones. */
const NO_PLACE = /[aUN]/i;

/** What Debian's packages have in place of the map: one line that says where the real one is. */
const PLACEHOLDER = /The real System\.map is in the (\S+) package/;

/** Reads a System.map, or what `nm` printed. @param file its name, for messages. @throws SymbolFileError */
export function readSystemMap(file: string, text: string): SymbolTable {
  const placeholder = PLACEHOLDER.exec(text);
  if (placeholder !== null) throw placeholderError(file, placeholder[1]!);
  const symbols: FileSymbol[] = [];
  text.split('\n').forEach((line, index) => {
    if (line === '' || line === '\r') return;
    const [, address, type, name] = LINE.exec(line) ?? [];
    if (address === undefined) throw lineError(file, index + 1, line);
    // Addresses of 0 are what the kernel shows to those who may not see them, and the first of its per-processor variables.
    if (!NO_PLACE.test(type!) && !/^0+$/.test(address)) symbols.push({ address: BigInt(`0x${address}`), name: name! });
  });
  if (symbols.length === 0)
    throw new SymbolFileError(`${file} has no symbol with an address`, {
      details: { where: file, found: 'no symbol', expected: 'lines such as "ffffffff81000000 T _text"' },
    });
  return new SymbolTable(symbols);
}

function placeholderError(file: string, name: string): SymbolFileError {
  return new SymbolFileError(`${file} has no symbols: it says that they are in the package ${name}`, {
    details: {
      where: file,
      found: 'one line of text',
      expected: 'a System.map',
      advice: "leave --symbols out: the names are read from the running kernel's memory",
    },
  });
}

function lineError(file: string, number: number, line: string): SymbolFileError {
  const found = JSON.stringify(line.slice(0, 60));
  return new SymbolFileError(
    `${file}, line ${number}: ${found} is no line of a System.map. --symbols wants an ELF file with symbols or a System.map, with lines such as "ffffffff81000000 T _text"`,
    {
      details: { where: `${file}:${number}`, found, expected: 'address, type and name: "ffffffff81000000 T _text"' },
    },
  );
}
