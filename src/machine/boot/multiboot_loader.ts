// SPDX-License-Identifier: LGPL-2.1-only
import { hex } from '../../intrinsics/texts/hex.js';
import type { GuestRam } from '../memory/guest_ram.js';
import { BootError } from './boot_error.js';
import { ElfImage, isElf } from './elf_image.js';
import type { BootFile } from './entry_state.js';
import { memoryAdvice } from './memory_advice.js';

const FLAG_ADDRESSES = 0x10000;
/** Flags 15:2 that a loader must understand or refuse; bits 0 (page-align modules), 1 (memory information), 2 (video mode) are known. */
const FLAGS_REFUSED = 0xfff8;
/** A multiboot header up to its entry address. */
const ADDRESSES_END = 32;
const KIND = 'a multiboot kernel';

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Where a kernel was put. */
export interface LoadedKernel {
  /** Physical address of the first instruction. */
  readonly entry: number;
  /** First free byte above everything loaded. */
  readonly end: number;
}

/** Copies a multiboot kernel into memory, by its ELF segments or by the addresses in its header. */
export class MultibootLoader {
  constructor(
    private readonly ram: GuestRam,
    private readonly kernel: BootFile,
  ) {}

  /** @param headerAt offset of the multiboot header. @throws BootError */
  load(headerAt: number): LoadedKernel {
    const flags = view(this.kernel.bytes).getUint32(headerAt + 4, true);
    if (flags & FLAGS_REFUSED)
      this.fail(`its header asks for features ${hex(flags & FLAGS_REFUSED)} that this loader does not have`);
    return flags & FLAG_ADDRESSES ? this.loadByAddresses(headerAt) : this.loadElf();
  }

  private loadByAddresses(headerAt: number): LoadedKernel {
    if (headerAt + ADDRESSES_END > this.kernel.bytes.length) this.fail('it ends inside its multiboot header');
    const data = view(this.kernel.bytes);
    const [headerAddress, loadAddress, loadEnd, bssEnd, entry] = [12, 16, 20, 24, 28].map((offset) =>
      data.getUint32(headerAt + offset, true),
    ) as [number, number, number, number, number];
    const offset = headerAt - (headerAddress - loadAddress);
    const bytes = this.kernel.bytes.subarray(offset, loadEnd === 0 ? undefined : offset + loadEnd - loadAddress);
    if (offset < 0) this.fail('the addresses in its header contradict each other');
    const end = Math.max(loadAddress + bytes.length, bssEnd);
    if (end > this.ram.length)
      this.fail(
        `it loads up to ${hex(end)}, beyond the end of memory at ${hex(this.ram.length)}: ${memoryAdvice(end)}`,
      );
    this.ram.set(bytes, loadAddress);
    this.ram.fill(0, loadAddress + bytes.length, end);
    return { entry, end };
  }

  private loadElf(): LoadedKernel {
    if (!isElf(this.kernel.bytes)) this.fail('it is neither ELF nor are load addresses in its header');
    const elf = new ElfImage(this.kernel, KIND);
    return { entry: elf.physicalEntry, end: elf.load(this.ram) };
  }

  private fail(what: string): never {
    throw new BootError(`${this.kernel.name} is ${KIND}, but ${what}`);
  }
}
