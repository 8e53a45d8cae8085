// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { BootError } from '../../../src/machine/boot/boot_error.js';
import { isLinuxImage, setupHeader } from '../../../src/machine/boot/linux_setup_header.js';
import { linuxImage } from './images.js';

const read = (bytes: Uint8Array): ReturnType<typeof setupHeader> => setupHeader({ name: 'kernel', bytes });

describe('isLinuxImage', () => {
  it('looks for the magic number of the setup header', () => {
    const image = linuxImage();
    expect(isLinuxImage(image)).to.equal(true);
    expect(isLinuxImage(image.subarray(0, 0x205))).to.equal(false);
    image[0x202]! ^= 1;
    expect(isLinuxImage(image)).to.equal(false);
  });
});

describe('setupHeader', () => {
  it('says where the protected-mode part begins and what it needs', () => {
    expect(read(linuxImage())).to.include({
      setupBytes: 5 * 512,
      preferredAddress: 0x1000000,
      initSize: 0x800000,
      commandLineSize: 2047,
    });
  });

  it('knows a 64-bit entry point by xloadflags, which boot protocols before 2.12 do not have', () => {
    expect(read(linuxImage()).has64BitEntry).to.equal(true);
    expect(read(linuxImage({ xloadFlags: 4 })).has64BitEntry).to.equal(false);
    expect(read(linuxImage({ version: 0x20b })).has64BitEntry).to.equal(false);
  });

  it('takes a file that ends inside the last paragraph of its size, as memtest86+ does', () => {
    const whole = linuxImage().length;
    expect(() => read(linuxImage({ bytes: whole - 8 }))).to.not.throw();
    expect(() => read(linuxImage({ bytes: whole - 15 }))).to.not.throw();
    expect(() => read(linuxImage({ bytes: whole - 16 }))).to.throw(BootError, /a part of the file is missing/);
  });

  for (const [what, image, message] of [
    ['an old protocol', linuxImage({ version: 0x209 }), /boot protocol is 2\.9; .*needs 2\.10/],
    ['a damaged boot flag', linuxImage({ bootFlag: 0 }), /boot flag is 0x0/],
    ['a cut header', linuxImage({ bytes: 0x210 }), /inside its setup header/],
    ['a cut kernel', linuxImage({ bytes: 2048 }), /before its protected-mode part/],
    ['a kernel that is cut further on', linuxImage({ bytes: 0x1900 }), /ends after 6400 of 6656 bytes/],
  ] as const) {
    it(`refuses ${what} with the reason`, () => {
      expect(() => read(image)).to.throw(BootError, message);
    });
  }
});
