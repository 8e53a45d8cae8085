// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Kallsyms } from '../../../src/machine/symbols/kallsyms.js';
import { findKallsyms } from '../../../src/machine/symbols/kallsyms_places.js';
import { SymbolMemory } from '../../../src/machine/symbols/symbol_memory.js';
import { KERNEL_TEXT, kernelSymbols, layouts, writeKallsyms, type KallsymsLayout } from './kallsyms_image.js';

const physical = 0x1000;
const virtualOffset = KERNEL_TEXT - BigInt(physical);
const perProcessor = [{ address: 0x1000n, name: 'cpu_number', type: 'D' }];

function kernel(layout: KallsymsLayout, symbols = kernelSymbols(700), at = 0x20008) {
  const bytes = new Uint8Array(1 << 20);
  writeKallsyms(bytes, at, { symbols, layout, virtualOffset });
  const memory = new SymbolMemory(bytes);
  const places = findKallsyms(memory, 0, bytes.length, virtualOffset);
  return { bytes, kallsyms: places && new Kallsyms(memory, places, virtualOffset) };
}

describe('Kallsyms', () => {
  for (const layout of layouts)
    it(`names the addresses of a kernel like Linux ${layout}`, () => {
      const { kallsyms } = kernel(layout);
      expect(kallsyms!.find(KERNEL_TEXT)).to.deep.equal({ name: '_text', offset: 0n });
      expect(kallsyms!.find(KERNEL_TEXT + 32n * 300n + 5n)).to.deep.equal({ name: 'sys_function_300', offset: 5n });
      expect(kallsyms!.find(KERNEL_TEXT + 32n * 7n), 'the first of two names').to.deep.equal({
        name: 'sys_function_7',
        offset: 0n,
      });
      expect(kallsyms!.addressOf('__x64_alias')).to.equal(KERNEL_TEXT + 32n * 7n);
      expect(kallsyms!.addressOf('sys_function_699')).to.equal(KERNEL_TEXT + 32n * 699n);
      expect(kallsyms!.addressOf('sys_function_700')).to.equal(undefined);
    });

  for (const layout of layouts)
    it(`finds the tables wherever they begin and end, in Linux ${layout}`, () => {
      // Numbers of symbols and lengths of names move each table to other places, of any remainder by 4 and 8.
      for (let variant = 0; variant < 16; variant++) {
        const more = { address: KERNEL_TEXT + 0x100000n, name: 'z'.repeat(1 + variant), type: 'T' };
        const symbols = [...kernelSymbols(600 + (variant % 3)), more];
        const { kallsyms } = kernel(layout, symbols, 0x20000 + 4 * (variant % 4));
        const found = symbols.slice(0, -1).map(({ address }) => kallsyms?.find(address));
        const first = symbols.slice(0, -1).map(({ address }) => symbols.find((each) => each.address === address)!.name);
        expect(found, `variant ${variant}`).to.deep.equal(first.map((name) => ({ name, offset: 0n })));
      }
    });

  it('takes no address of a process for a per-processor variable', () => {
    const { kallsyms } = kernel('6.1', [...perProcessor, ...kernelSymbols(400)]);
    expect(kallsyms!.find(0x1008n)).to.equal(undefined);
    expect(kallsyms!.find(KERNEL_TEXT - 1n)).to.equal(undefined);
    expect(kallsyms!.find(KERNEL_TEXT + 32n * 399n + 1n), 'behind the last symbol').to.equal(undefined);
    expect(kallsyms!.find(KERNEL_TEXT + 40n)!.name).to.equal('sys_function_1');
  });

  it('reads names that are longer than 127 bytes', () => {
    const name = `z${'q'.repeat(300)}`;
    const symbols = kernelSymbols(300).map((each, index) => (index === 100 ? { ...each, name } : each));
    const { kallsyms } = kernel('6.1', symbols);
    expect(kallsyms!.find(symbols[100]!.address)!.name).to.equal(name);
    expect(kallsyms!.find(symbols[101]!.address)!.name).to.equal(symbols[101]!.name);
  });

  it('knows when its tables are no longer there', () => {
    const { bytes, kallsyms } = kernel('6.4');
    expect(kallsyms!.isThere).to.equal(true);
    bytes.fill(0);
    expect(kallsyms!.isThere).to.equal(false);
  });

  it('ends with whatever a guest writes into its tables', () => {
    const { bytes, kallsyms } = kernel('6.1');
    for (let seed = 1; seed < 40; seed++) {
      for (let at = 0x20000; at < 0x30000; at += 97) bytes[at] = (at * seed) & 0xff;
      kallsyms!.find(KERNEL_TEXT + BigInt(seed * 32));
      kallsyms!.addressOf('no such name');
    }
    expect(kallsyms!.isThere).to.equal(false);
  });
});
