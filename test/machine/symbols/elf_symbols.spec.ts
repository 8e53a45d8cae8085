// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { BootError } from '../../../src/machine/boot/boot_error.js';
import { ElfImage } from '../../../src/machine/boot/elf_image.js';
import { elfSymbols } from '../../../src/machine/symbols/elf_symbols.js';
import { SymbolFileError } from '../../../src/machine/symbols/symbol_file_error.js';
import { elfWithSymbols, type MadeSymbol } from './elf_with_symbols.js';

const read = (symbols: readonly MadeSymbol[]) =>
  elfSymbols(new ElfImage({ name: 'vmlinux', bytes: elfWithSymbols(64, symbols) }, 'a file of symbols'), 'vmlinux');

describe('elfSymbols', () => {
  it('has functions and data, not files, sections, thread-local data, undefined and absolute symbols', () => {
    const value = 0x1000n;
    const symbols = read([
      { name: 'function', value },
      { name: 'data', value: 0x2000n, type: 1 },
      { name: 'assembly', value: 0x3000n, type: 0 },
      { name: 'file.c', value, type: 4 },
      { name: '.text', value, type: 3 },
      { name: 'tls', value, type: 6 },
      { name: 'undefined', value, section: 0 },
      { name: 'absolute', value, section: 0xfff1 },
      { name: '', value },
    ]);
    expect(symbols).to.deep.equal([
      { name: 'function', address: 0x1000n },
      { name: 'data', address: 0x2000n },
      { name: 'assembly', address: 0x3000n },
    ]);
  });

  it('refuses a file whose names lie over one another, which would fill the memory of the host, and cuts long names', () => {
    const bytes = elfWithSymbols(64, [
      { name: 'n'.repeat(9000), value: 1n },
      ...Array.from({ length: 200 }, () => ({ name: '', value: 2n })),
    ]);
    const image = new ElfImage({ name: 'vmlinux', bytes }, 'a file of symbols');
    expect(elfSymbols(image, 'vmlinux')).to.deep.equal([{ name: 'n'.repeat(4096), address: 1n }]);
    // All symbols have the name of the first one.
    const data = new DataView(bytes.buffer);
    for (let row = 0; row < 201; row++) data.setUint32(64 + 3 * 64 + 24 * row, 1, true);
    expect(() => elfSymbols(image, 'vmlinux')).to.throw(BootError, 'its names of symbols lie over one another');
  });

  it('refuses a file without symbols', () => {
    expect(() => read([])).to.throw(SymbolFileError, 'without a symbol table: it was stripped');
  });
});
