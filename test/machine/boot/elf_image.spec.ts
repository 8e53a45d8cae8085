// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { BootError } from '../../../src/machine/boot/boot_error.js';
import { ElfImage, isElf } from '../../../src/machine/boot/elf_image.js';
import { elf, type ElfOptions } from './images.js';

const MEBIBYTE = 2 ** 20;
const made = (options: ElfOptions): ElfImage => new ElfImage({ name: 'kernel', bytes: elf(options) }, 'a kernel');
const ofBytes = (bytes: Uint8Array): ElfImage => new ElfImage({ name: 'kernel', bytes }, 'a kernel');
const HIGH_HALF = 0xffffffff80000000n;

describe('isElf', () => {
  it('looks at the first four bytes', () => {
    expect(isElf(elf({ entry: 0, segments: [] }))).to.equal(true);
    expect(isElf(Uint8Array.of(0x7f, 0x45, 0x4c))).to.equal(false);
  });
});

for (const bits of [32, 64] as const) {
  describe(`ElfImage of ${bits} bits`, () => {
    const segment = { at: 0x100000, bytes: [1, 2, 3] };

    it('loads segments at their physical addresses with zeroed tails', () => {
      const ram = new Uint8Array(2 * MEBIBYTE).fill(0xcc);
      const image = made({ bits, entry: 0x100000, segments: [{ ...segment, memory: 5, virtual: 0xc0100000n }] });
      expect(image.load(ram)).to.equal(0x100005);
      expect([...ram.subarray(0x100000, 0x100006)]).to.deep.equal([1, 2, 3, 0, 0, 0xcc]);
    });

    it('takes an entry point that is a virtual address of a segment, and one that is physical', () => {
      const virtual = { ...segment, virtual: 0xc0100000n };
      expect(made({ bits, entry: 0xc0100002, segments: [virtual] }).physicalEntry).to.equal(0x100002);
      expect(made({ bits, entry: 0x100001, segments: [virtual] }).physicalEntry).to.equal(0x100001);
    });

    it('refuses an entry point that is in no segment', () => {
      for (const entry of [0, 0x100003, 0xc0100003])
        expect(() => made({ bits, entry, segments: [segment] }).physicalEntry).to.throw(
          BootError,
          `kernel is a kernel, but its entry point 0x${entry.toString(16)} is in no segment`,
        );
    });

    it('finds a note by owner and type behind other notes', () => {
      const other = [4, 0, 0, 0, 1, 0, 0, 0, 18, 0, 0, 0, 0x47, 0x4e, 0x55, 0, 9, 0, 0, 0];
      const note = { at: 0, bytes: other, isNote: true as const };
      const image = made({ bits, entry: 0, segments: [segment, note], pvhEntry: 0x100000 });
      expect([...image.note('Xen', 18)!]).to.deep.equal([0, 0, 0x10, 0]);
      expect([...image.note('GNU', 18)!]).to.deep.equal([9]);
      expect(image.note('Xen', 17)).to.equal(undefined);
    });

    it('refuses damaged files with the reason', () => {
      const note = (...bytes: number[]) => ({ at: 0, bytes, isNote: true as const });
      const long = note(4, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, 18, 0, 0, 0);
      expect(() => made({ bits, entry: 0, segments: [segment, long] }).note('Xen', 18)).to.throw(/inside a note/);
      expect(() => made({ bits, entry: 0, segments: [] }).load(new Uint8Array(9))).to.throw(/nothing to load/);
      const whole = elf({ bits, entry: 0, segments: [segment] });
      expect(() => ofBytes(whole.subarray(0, 40))).to.throw(/inside its ELF header/);
      expect(() => ofBytes(whole.subarray(0, 70))).to.throw(/inside its program headers/);
      const cut = ofBytes(whole.subarray(0, whole.length - 1));
      expect(() => cut.load(new Uint8Array(2 * MEBIBYTE))).to.throw(/inside the segment for 0x100000/);
      const shrunk = made({ bits, entry: 0, segments: [{ ...segment, memory: 1 }] });
      expect(() => shrunk.load(new Uint8Array(2 * MEBIBYTE))).to.throw(/3 bytes in the file and 1 in memory/);
    });
  });
}

describe('ElfImage', () => {
  it('keeps all bits of a virtual entry point', () => {
    const bytes = elf({
      bits: 64,
      entry: 0,
      segments: [{ at: 0x1000000, bytes: [1, 2], virtual: HIGH_HALF + 0x1000n }],
    });
    new DataView(bytes.buffer).setBigUint64(24, HIGH_HALF + 0x1001n, true);
    expect(ofBytes(bytes).physicalEntry).to.equal(0x1000001);
  });

  it('never advises more memory than there can be', () => {
    const load = (at: number) => () =>
      made({ bits: 64, entry: at, segments: [{ at, bytes: [0] }] }).load(new Uint8Array(MEBIBYTE));
    expect(load(0x2000000 - 1)).to.throw(BootError, /up to 0x2000000.*use --memory 48M or more/);
    expect(load(0xc0000000)).to.throw(BootError, /at most 3072M/);
    expect(load(2 ** 52)).to.throw(BootError, /at most 3072M/);
  });
});
