// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readSymbolFile } from '../../../src/machine/symbols/symbol_file.js';
import { SymbolFileError } from '../../../src/machine/symbols/symbol_file_error.js';
import { elfWithSymbols } from './elf_with_symbols.js';

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

describe('readSymbolFile', () => {
  it('takes a System.map and an ELF file of either class, whatever its name is', () => {
    const map = readSymbolFile({ name: 'a', bytes: text('0000000000401000 T main\n') });
    expect(map.addressOf('main')).to.equal(0x401000n);
    for (const bits of [32, 64] as const) {
      const elf = readSymbolFile({ name: 'b', bytes: elfWithSymbols(bits, [{ name: 'main', value: 0x401000n }]) });
      expect(elf.addressOf('main'), `${bits} bits`).to.equal(0x401000n);
    }
  });

  it('refuses what is neither of them', () => {
    expect(() => readSymbolFile({ name: 'vmlinuz', bytes: Uint8Array.of(0x4d, 0x5a, 0xff, 0xfe) })).to.throw(
      SymbolFileError,
      'vmlinuz has no symbols: it is neither an ELF file nor a text',
    );
  });

  it('refuses an ELF file that was cut, and says so as a fault of the file', () => {
    const whole = elfWithSymbols(64, [{ name: 'main', value: 0x401000n }]);
    for (const bytes of [60, 70, 120, whole.length - 1])
      expect(() => readSymbolFile({ name: 'cut', bytes: whole.subarray(0, bytes) }), `${bytes} bytes`).to.throw(
        SymbolFileError,
        /^cut is a file of symbols, but it ends inside/,
      );
  });
});
