// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { BootError } from '../../../src/machine/boot/boot_error.js';
import { loadPvhImage } from '../../../src/machine/boot/pvh_image.js';
import { elf, module, request, type ElfOptions } from './images.js';
import { stringAt } from './images.js';

const MEBIBYTE = 2 ** 20;
const kernel = (options: Partial<ElfOptions> = {}): Uint8Array =>
  elf({
    bits: 64,
    entry: 0x1000000,
    segments: [{ at: 0x1000000, bytes: [0xf4, 0xf4], memory: 0x2000, virtual: 0xffffffff81000000n }],
    multiboot: false,
    pvhEntry: 0x1000001,
    ...options,
  });

describe('loadPvhImage', () => {
  it('enters at the address of the note in 32-bit protected mode', () => {
    const state = loadPvhImage(new Uint8Array(32 * MEBIBYTE), request(kernel()));
    expect(state).to.include({ mode: 'protected', entry: 0x1000001, taskLimit: 0x67 });
  });

  it('hands over command line, modules, ACPI root pointer and memory map', () => {
    const ram = new Uint8Array(32 * MEBIBYTE);
    const modules = [module('one', Uint8Array.of(7, 8)), module('two', Uint8Array.of(9), 'a b')];
    const wanted = { ...request(kernel(), 'console=ttyS0'), modules, acpiRootPointer: 0xf0000 };
    const start = loadPvhImage(ram, wanted)!.registers.RBX!;
    const data = new DataView(ram.buffer);
    const word = (at: number): number => data.getUint32(at, true);
    const quad = (at: number): number => Number(data.getBigUint64(at, true));
    expect([0, 4, 8, 12].map((offset) => word(start + offset))).to.deep.equal([0x336ec578, 1, 0, 2]);
    const [list, commandLine, rsdp, map] = [16, 24, 32, 40].map((offset) => quad(start + offset));
    expect(stringAt(ram, commandLine!)).to.equal('console=ttyS0');
    expect(rsdp).to.equal(0xf0000);
    expect([0, 32].map((offset) => [quad(list! + offset + 8), stringAt(ram, quad(list! + offset + 16))])).to.deep.equal(
      [
        [2, 'one'],
        [1, 'two a b'],
      ],
    );
    expect(ram[quad(list! + 32)]).to.equal(9);
    const last = map! + 24 * (word(start + 48) - 1);
    expect([quad(last) + quad(last + 8), word(last + 16)]).to.deep.equal([32 * MEBIBYTE, 1]);
  });

  it('leaves an ELF file without the note to others', () => {
    const { pvhEntry: _, ...without } = { entry: 0, segments: [{ at: 0x100000, bytes: [0] }], pvhEntry: 0 };
    expect(loadPvhImage(new Uint8Array(2 * MEBIBYTE), request(elf(without)))).to.equal(undefined);
  });

  it('refuses an entry outside the segments, and a kernel that does not fit', () => {
    const ram = new Uint8Array(16 * MEBIBYTE);
    expect(() => loadPvhImage(ram, request(kernel({ pvhEntry: 0x1002000 })))).to.throw(
      BootError,
      /PVH entry 0x1002000 is in no segment/,
    );
    expect(() => loadPvhImage(ram, request(kernel()))).to.throw(BootError, /up to 0x1002000.*use --memory 33M/);
  });
});
