// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { BootError } from '../../../src/machine/boot/boot_error.js';
import type { BootRequest, EntryState } from '../../../src/machine/boot/entry_state.js';
import { loadMultibootImage, multibootHeader } from '../../../src/machine/boot/multiboot_image.js';
import type { GuestRam } from '../../../src/machine/memory/guest_ram.js';
import { elf, module, request, stringAt } from './images.js';

const MEBIBYTE = 2 ** 20;
const load = (ram: GuestRam, wanted: BootRequest): EntryState =>
  loadMultibootImage(ram, wanted, multibootHeader(wanted.kernel.bytes)!);

describe('loadMultibootImage', () => {
  it('loads segments with their zeroed tails and enters with the magic number', () => {
    const ram = new Uint8Array(16 * MEBIBYTE).fill(0xcc, 0x400000, 0x401000);
    const state = load(
      ram,
      request(elf({ entry: 0x400001, segments: [{ at: 0x400000, bytes: [1, 2, 3], memory: 8 }] })),
    );
    expect(state).to.include({ mode: 'protected', entry: 0x400001 });
    expect(state.registers.RAX).to.equal(0x2badb002);
    expect([...ram.subarray(0x400000, 0x400009)]).to.deep.equal([1, 2, 3, 0, 0, 0, 0, 0, 0xcc]);
  });

  it('hands over command line, memory and modules', () => {
    const ram = new Uint8Array(16 * MEBIBYTE);
    const kernel = {
      name: '/tests/msr.flat',
      bytes: elf({ entry: 0x400000, segments: [{ at: 0x400000, bytes: [0xf4] }] }),
    };
    const modules = [module('one', Uint8Array.of(11)), module('two', Uint8Array.of(22, 23), 'root=/dev/a quiet')];
    const info = load(ram, { kernel, modules, append: 'a b' }).registers.RBX!;
    const word = (at: number): number => new DataView(ram.buffer).getUint32(at, true);
    expect(word(info) & 0x4d).to.equal(0x4d);
    expect([word(info + 4), word(info + 8)]).to.deep.equal([639, 15 * 1024]);
    expect(stringAt(ram, word(info + 16))).to.equal('msr.flat a b');
    expect(word(info + 20)).to.equal(2);
    const second = word(info + 24) + 16;
    expect([...ram.subarray(word(second), word(second + 4))]).to.deep.equal([22, 23]);
    expect(stringAt(ram, word(second + 8))).to.equal('two root=/dev/a quiet');
    expect(stringAt(ram, word(word(info + 24) + 8))).to.equal('one');
    expect(word(word(info + 48))).to.equal(20);
  });

  it('says how much memory there is, up to the most that a machine may have', () => {
    for (const mebibytes of [16, 2047, 2048, 2049, 3072]) {
      const words = new Map<number, number>();
      const ram: GuestRam = {
        length: mebibytes * MEBIBYTE,
        set: (bytes, address) => {
          const data = new DataView(Uint8Array.from(bytes).buffer);
          for (let at = 0; at + 4 <= bytes.length; at += 4) words.set(address + at, data.getUint32(at, true));
        },
        fill: () => {},
      };
      const kernel = elf({ entry: 0x400000, segments: [{ at: 0x400000, bytes: [0xf4] }] });
      const info = load(ram, request(kernel)).registers.RBX!;
      expect([words.get(info + 4), words.get(info + 8)]).to.deep.equal([639, (mebibytes - 1) * 1024]);
    }
  });

  it('advises a --memory that holds kernel, modules and information, or says that none does', () => {
    const ram: GuestRam = { length: 16 * MEBIBYTE, set: () => {}, fill: () => {} };
    const kernel = { name: 'kernel', bytes: elf({ entry: 0x400000, segments: [{ at: 0x400000, bytes: [0xf4] }] }) };
    const attempt = (megabytes: number, count: number) => () => {
      const file = module('big', { length: megabytes * MEBIBYTE } as Uint8Array);
      return load(ram, { kernel, modules: new Array<typeof file>(count).fill(file), append: '' });
    };
    expect(attempt(15, 1)).to.throw(BootError, /its 1 module \(--initrd\).*use --memory 36M or more/);
    expect(attempt(15, 2)).to.throw(BootError, /its 2 modules.*use --memory 51M or more/);
    expect(attempt(3060, 1)).to.throw(BootError, /use --memory 3072M or more/);
    expect(attempt(1600, 2)).to.throw(BootError, /the simulated PC has at most 3072M/);
  });

  it('refuses what it cannot load with the reason', () => {
    const ram = new Uint8Array(MEBIBYTE * 4);
    const far = elf({ entry: 0x400000, segments: [{ at: 0x400000, bytes: [0] }] });
    expect(() => load(ram, request(far))).to.throw(BootError, /loads up to 0x400001, beyond the end of memory/);
    const demanding = elf({ entry: 0, flags: 8, segments: [{ at: 0x100000, bytes: [0] }] });
    expect(() => load(ram, request(demanding))).to.throw(BootError, /features 0x8/);
    const wide = elf({ entry: 0, segments: [{ at: 0x100000, bytes: [0] }] });
    wide[18] = 40;
    expect(() => load(ram, request(wide))).to.throw(BootError, /names processor 40 and not 3/);
  });

  it('refuses damaged headers with the reason', () => {
    const ram = new Uint8Array(4 * MEBIBYTE);
    const cut = new Uint8Array(12);
    [0x1badb002, 0x10000, -(0x1badb002 + 0x10000) >>> 0].forEach((word, i) =>
      new DataView(cut.buffer).setUint32(4 * i, word, true),
    );
    expect(() => load(ram, request(cut))).to.throw(BootError, /ends inside its multiboot header/);
    const shrunk = elf({ entry: 4 * MEBIBYTE - 1, segments: [{ at: 4 * MEBIBYTE - 1, bytes: [1, 2, 3], memory: 1 }] });
    expect(() => load(ram, request(shrunk))).to.throw(BootError, /3 bytes in the file and 1 in memory/);
  });

  it('enters a kernel that maps itself at the physical address of its entry point, as GNU Mach needs it', () => {
    for (const bits of [32, 64] as const) {
      const segment = { at: 0x1000000, bytes: [0xf4, 0xf4], virtual: 0xc1000000n };
      const state = load(new Uint8Array(32 * MEBIBYTE), request(elf({ bits, entry: 0xc1000001, segments: [segment] })));
      expect(state).to.include({ mode: 'protected', entry: 0x1000001 });
    }
  });

  it('finds a header only where its checksum fits', () => {
    const image = elf({ entry: 0, segments: [] });
    expect(multibootHeader(image)).to.equal(0x1f0);
    image[0x1f4]! ^= 1;
    expect(multibootHeader(image)).to.equal(undefined);
  });
});
