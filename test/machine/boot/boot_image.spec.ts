// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadImage } from '../../../src/machine/boot/boot_image.js';
import { BootError } from '../../../src/machine/boot/boot_error.js';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import { elf, linuxImage, module, request, stringAt } from './images.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', '..');
const MEBIBYTE = 2 ** 20;
const ram = (size = 64): Uint8Array => new Uint8Array(size * MEBIBYTE);
const load =
  (bytes: Uint8Array, append = ''): (() => unknown) =>
  () =>
    loadImage(ram(), request(bytes, append));

describe('loadImage', () => {
  it('says what a file is that cannot be booted', () => {
    expect(load(new TextEncoder().encode('#!/bin/sh\necho hello\n'))).to.throw(
      BootError,
      /kernel is a text file, not a kernel.*bzImage/,
    );
    expect(load(new Uint8Array(0))).to.throw(BootError, /an empty file/);
    expect(load(Uint8Array.of(0x1f, 0x8b, 8, 0, 0))).to.throw(BootError, /gzip/);
    expect(load(elf({ entry: 0, segments: [], multiboot: false }))).to.throw(
      BootError,
      /ELF file without a multiboot header and without a PVH entry note/,
    );
  });

  it('takes machine code without control characters for a flat image, not for text', () => {
    expect(load(Uint8Array.of(0xeb, 0xfe))).to.not.throw();
    expect(load(Uint8Array.of(0xfa, 0xf4))).to.not.throw();
    expect(load(new TextEncoder().encode('Grüße'))).to.throw(BootError, /a text file/);
    expect(load(new TextEncoder().encode('ü'.repeat(4096).slice(0, 4095) + 'x'))).to.throw(BootError, /a text file/);
    expect(load(new TextEncoder().encode(`x${'ü'.repeat(4096)}`))).to.throw(BootError, /a text file/);
  });

  it('enters a flat image at 2 MiB in long mode with its command line', () => {
    const memory = ram(16);
    const image = loadImage(memory, request(Uint8Array.of(0xf4, 0xeb, 0xfd, 0x00), '1000'));
    expect(image.mode).to.equal('long');
    expect(image.entry).to.equal(FLAT_IMAGE_ADDRESS);
    expect(memory[FLAT_IMAGE_ADDRESS]).to.equal(0xf4);
    expect(stringAt(memory, image.registers.RDI!)).to.equal('1000');
    expect(image.registers.RSI).to.equal(16 * MEBIBYTE);
  });

  it('refuses a command line that is too long for a flat image rather than to cut it', () => {
    const bytes = Uint8Array.of(0xf4, 0xeb, 0xfd, 0x00);
    expect(load(bytes, 'x'.repeat(4095))).to.not.throw();
    expect(load(bytes, 'x'.repeat(4096))).to.throw(BootError, /--append\) has 4096 bytes; kernel takes at most 4095/);
  });

  it('loads flat images where the build of the guests links them', () => {
    expect(readFileSync(join(root, 'scripts/build/guests.mjs'), 'utf8')).to.include(
      `= 0x${FLAT_IMAGE_ADDRESS.toString(16)};`,
    );
  });

  it('maps the first 4 GiB to themselves', () => {
    const memory = ram(16);
    const image = loadImage(memory, request(Uint8Array.of(0xf4, 0x00)));
    const data = new DataView(memory.buffer);
    const translate = (address: number): number => {
      const next = (table: number, shift: number): number => {
        const entry = data.getBigUint64(table + 8 * (Math.floor(address / 2 ** shift) % 512), true);
        expect(entry & 3n).to.equal(3n);
        return Number(entry & 0xffffff000n);
      };
      return Number(BigInt(next(next(next(image.pageTable, 39), 30), 21)) & ~0x1fffffn) + (address % 2 ** 21);
    };
    for (const address of [0, 0x200000, 0xfee00030, 0xffffffff]) expect(translate(address)).to.equal(address);
  });

  it('refuses modules for a flat image', () => {
    const wanted = { ...request(Uint8Array.of(0xf4, 0)), modules: [module('initrd', new Uint8Array(1))] };
    expect(() => loadImage(ram(), wanted)).to.throw(BootError, /takes no --initrd/);
  });

  it('recognizes Linux, multiboot and PVH images', () => {
    expect(loadImage(ram(), request(linuxImage())).mode).to.equal('long');
    const pvh = elf({ entry: 0, segments: [{ at: 0x200000, bytes: [0xf4] }], multiboot: false, pvhEntry: 0x200000 });
    expect(loadImage(ram(), request(pvh))).to.include({ mode: 'protected', entry: 0x200000 });
    expect(
      loadImage(ram(), request(elf({ entry: 0x100000, segments: [{ at: 0x100000, bytes: [0xf4] }] }))).mode,
    ).to.equal('protected');
  });
});
