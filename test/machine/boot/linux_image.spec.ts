// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { BootError } from '../../../src/machine/boot/boot_error.js';
import { loadLinuxImage } from '../../../src/machine/boot/linux_image.js';
import { linuxImage, request, stringAt } from './images.js';

const MEBIBYTE = 2 ** 20;

describe('loadLinuxImage', () => {
  it('enters the 64-bit entry point with RSI at the boot parameters', () => {
    const ram = new Uint8Array(64 * MEBIBYTE);
    const state = loadLinuxImage(ram, request(linuxImage(), 'console=ttyS0'));
    expect(state.entry).to.equal(0x1000200);
    expect(ram[0x1000200]).to.equal(0xf4);
    const parameters = new DataView(ram.buffer, state.registers.RSI!);
    expect(parameters.getUint32(0x202, true)).to.equal(0x53726448);
    expect(parameters.getUint8(0x210)).to.equal(0xff);
    expect(stringAt(ram, parameters.getUint32(0x228, true))).to.equal('console=ttyS0');
  });

  it('tells the memory map, and nothing above guest RAM', () => {
    const ram = new Uint8Array(64 * MEBIBYTE);
    const parameters = new DataView(ram.buffer, loadLinuxImage(ram, request(linuxImage())).registers.RSI!);
    const entries = Array.from({ length: parameters.getUint8(0x1e8) }, (_, i) => ({
      end: Number(parameters.getBigUint64(0x2d0 + 20 * i, true) + parameters.getBigUint64(0x2d8 + 20 * i, true)),
      type: parameters.getUint32(0x2e0 + 20 * i, true),
    }));
    expect(entries.at(-1)).to.deep.equal({ end: 64 * MEBIBYTE, type: 1 });
    expect(Math.max(...entries.map((entry) => entry.end))).to.equal(64 * MEBIBYTE);
  });

  it('puts the initial RAM disk at the top of memory, on a page', () => {
    const ram = new Uint8Array(64 * MEBIBYTE);
    const disk = Uint8Array.of(1, 2, 3);
    const state = loadLinuxImage(ram, { ...request(linuxImage()), modules: [{ name: 'initrd', bytes: disk }] });
    const parameters = new DataView(ram.buffer, state.registers.RSI!);
    const address = parameters.getUint32(0x218, true);
    expect(address).to.equal(64 * MEBIBYTE - 0x1000);
    expect(parameters.getUint32(0x21c, true)).to.equal(3);
    expect([...ram.subarray(address, address + 3)]).to.deep.equal([1, 2, 3]);
  });

  for (const [what, image, message] of [
    ['a 32-bit kernel', linuxImage({ xloadFlags: 0 }), /no 64-bit entry point.*amd64/],
    ['an old protocol', linuxImage({ version: 0x20a }), /boot protocol is 2\.10.*needs 2\.12/],
    ['a damaged boot flag', linuxImage({ bootFlag: 0 }), /boot flag is 0x0/],
    ['a cut header', linuxImage({ bytes: 0x210 }), /inside its setup header/],
    ['a cut kernel', linuxImage({ bytes: 2048 }), /before its protected-mode part/],
    ['a kernel that is cut further on', linuxImage({ bytes: 0x1900 }), /ends after 6400 of 6656 bytes/],
    ['a load address that is none', linuxImage({ preferredAddress: 0x1000n }), /load address 0x1000.*damaged/],
    [
      'an address beyond any memory',
      linuxImage({ preferredAddress: 1n << 60n }),
      /load address 0x1000000000000000.*damaged/,
    ],
    ['too little memory', linuxImage({ initSize: 0x10000000 }), /needs memory up to 0x11000000.*--memory 288M/],
  ] as const) {
    it(`refuses ${what} with the reason`, () => {
      expect(() => loadLinuxImage(new Uint8Array(64 * MEBIBYTE), request(image))).to.throw(BootError, message);
    });
  }

  it('never puts the initial RAM disk over a kernel that is larger than it says', () => {
    const modules = [{ name: 'initrd', bytes: new Uint8Array(0x1000) }];
    const wanted = { ...request(linuxImage({ initSize: 0 })), modules };
    expect(() => loadLinuxImage(new Uint8Array(0x1001000), wanted)).to.throw(
      BootError,
      /does not fit above the kernel/,
    );
  });

  it('refuses a command line that is too long for the kernel', () => {
    const load = (append: string): unknown =>
      loadLinuxImage(new Uint8Array(64 * MEBIBYTE), request(linuxImage(), append));
    expect(() => load('x'.repeat(2047))).to.not.throw();
    expect(() => load('x'.repeat(2048))).to.throw(BootError, /2048 bytes; kernel takes at most 2047/);
    // In bytes, not in characters: half of one would be no text any more.
    expect(() => load('é'.repeat(1024))).to.throw(BootError, /2048 bytes/);
  });
});
