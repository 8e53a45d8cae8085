// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { BootError } from '../../../src/machine/boot/boot_error.js';
import type { BootModule } from '../../../src/machine/boot/entry_state.js';
import { loadLinuxImage } from '../../../src/machine/boot/linux_image.js';
import { linuxImage, module, request, stringAt } from './images.js';

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

  it('enters a kernel without a 64-bit entry point at its first byte in 32-bit protected mode', () => {
    for (const image of [linuxImage({ xloadFlags: 0 }), linuxImage({ version: 0x20a })]) {
      const ram = new Uint8Array(64 * MEBIBYTE);
      const state = loadLinuxImage(ram, request(image, 'quiet'));
      expect(state).to.include({ mode: 'protected', entry: 0x1000000 });
      expect(state.registers).to.include({ RSI: 0x10000 }).and.not.to.include.any.keys('RBX', 'RBP', 'RDI');
      const parameters = new DataView(ram.buffer, state.registers.RSI!);
      expect(parameters.getUint32(0x214, true)).to.equal(0x1000000);
      expect(stringAt(ram, parameters.getUint32(0x228, true))).to.equal('quiet');
    }
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
    const state = loadLinuxImage(ram, { ...request(linuxImage()), modules: [module('initrd', disk)] });
    const parameters = new DataView(ram.buffer, state.registers.RSI!);
    const address = parameters.getUint32(0x218, true);
    expect(address).to.equal(64 * MEBIBYTE - 0x1000);
    expect(parameters.getUint32(0x21c, true)).to.equal(3);
    expect([...ram.subarray(address, address + 3)]).to.deep.equal([1, 2, 3]);
  });

  for (const [what, image, message] of [
    ['a load address that is none', linuxImage({ preferredAddress: 0x1000n }), /load address 0x1000.*damaged/],
    [
      'an address beyond any memory',
      linuxImage({ preferredAddress: 1n << 60n }),
      /load address 0x1000000000000000.*damaged/,
    ],
    ['too little memory', linuxImage({ initSize: 0x10000000 }), /needs memory up to 0x11000000.*--memory 288M/],
    [
      'more memory than there can be',
      linuxImage({ initSize: 0xc0000000 }),
      /only 64 MiB: the simulated PC has at most 3072M/,
    ],
  ] as const) {
    it(`refuses ${what} with the reason`, () => {
      expect(() => loadLinuxImage(new Uint8Array(64 * MEBIBYTE), request(image))).to.throw(BootError, message);
    });
  }

  it('never puts the initial RAM disk over a kernel that is larger than it says', () => {
    const modules = [module('initrd', new Uint8Array(0x1000))];
    const wanted = { ...request(linuxImage({ initSize: 0 })), modules };
    expect(() => loadLinuxImage(new Uint8Array(0x1001000), wanted)).to.throw(
      BootError,
      /does not fit above the kernel/,
    );
  });

  it('never advises a --memory that does not help', () => {
    const load = (megabytes: number, initrdAddressMax?: number): unknown =>
      loadLinuxImage(new Uint8Array(64 * MEBIBYTE), {
        ...request(linuxImage({ ...(initrdAddressMax !== undefined && { initrdAddressMax }) })),
        modules: [module('initrd', { length: megabytes * MEBIBYTE } as Uint8Array)],
      });
    expect(() => load(50)).to.throw(BootError, /use --memory 90M or more/);
    expect(() => load(1000)).to.throw(BootError, /use --memory 1040M or more/);
    expect(() => load(50, 0x3ffffff)).to.throw(BootError, /looks for it below 0x4000000: use a smaller one/);
    expect(() => load(3060, 0xffffffff)).to.throw(BootError, /the simulated PC has at most 3072M/);
  });

  it('refuses arguments of the RAM disk, and a second one', () => {
    const load = (...files: BootModule[]): unknown =>
      loadLinuxImage(new Uint8Array(64 * MEBIBYTE), { ...request(linuxImage()), modules: files });
    const disk = module('initrd', Uint8Array.of(1));
    expect(() => load(module('initrd', Uint8Array.of(1), 'quiet'))).to.throw(
      BootError,
      /takes no arguments .*initrd has "quiet".*--append/,
    );
    expect(() => load(disk, disk)).to.throw(BootError, /one initial RAM disk \(--initrd\), not 2.*by cat/);
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
