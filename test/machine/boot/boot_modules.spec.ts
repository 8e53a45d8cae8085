// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { BootError } from '../../../src/machine/boot/boot_error.js';
import { storeAbove, type ModulePlace } from '../../../src/machine/boot/boot_modules.js';
import { module, request, stringAt } from './images.js';

const MEBIBYTE = 2 ** 20;

describe('storeAbove', () => {
  const modules = [module('one', new Uint8Array(0x1001).fill(1)), module('two', Uint8Array.of(2), 'x y')];
  const wanted = { ...request(Uint8Array.of(0xf4)), modules };

  it('puts the information right above the kernel, and each module on pages of its own above that', () => {
    const ram = new Uint8Array(MEBIBYTE);
    let places: readonly ModulePlace[] = [];
    const address = storeAbove(ram, wanted, 0x8001, (info, all) => {
      places = all;
      return info.text('information');
    });
    expect(places).to.deep.equal([
      { start: 0xa000, end: 0xb001, text: 'one' },
      { start: 0xc000, end: 0xc001, text: 'two x y' },
    ]);
    expect([ram[0x9fff], ram[0xa000], ram[0xb000], ram[0xb001], ram[0xc000]]).to.deep.equal([0, 1, 1, 0, 2]);
    expect([address, stringAt(ram, address)]).to.deep.equal([0x9000, 'information']);
  });

  it('writes nothing if memory does not hold all of it', () => {
    const ram = new Uint8Array(0xc000);
    expect(() => storeAbove(ram, wanted, 0x8001, (info) => info.text('information'))).to.throw(
      BootError,
      /kernel, its 2 modules .* do not fit into memory: use --memory 17M or more/,
    );
    expect(ram.every((byte) => byte === 0)).to.equal(true);
  });
});
