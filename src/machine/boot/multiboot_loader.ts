// SPDX-License-Identifier: LGPL-2.1-only
import type { GuestRam } from '../memory/guest_ram.js';
import { BootError } from './boot_error.js';
import type { BootFile } from './entry_state.js';

const FLAG_ADDRESSES = 0x10000;
/** Flags 15:2 that a loader must understand or refuse; bits 0 (page-align modules), 1 (memory information), 2 (video mode) are known. */
const FLAGS_REFUSED = 0xfff8;
const ELF_MAGIC = 0x464c457f;
const ELF_CLASS_32 = 1;
const ELF_MACHINE_386 = 3;
const PROGRAM_LOAD = 1;
/** A multiboot header up to its entry address. */
const ADDRESSES_END = 32;

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const hex = (value: number): string => `0x${value.toString(16)}`;

/** Where a kernel was put. */
export interface LoadedKernel {
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
    this.store(loadAddress, bytes, Math.max(bytes.length, bssEnd - loadAddress));
    return { entry, end: Math.max(loadAddress + bytes.length, bssEnd) };
  }

  private loadElf(): LoadedKernel {
    const data = view(this.kernel.bytes);
    if (this.kernel.bytes.length < 52 || data.getUint32(0, true) !== ELF_MAGIC)
      this.fail('it is neither ELF nor are load addresses in its header');
    if (data.getUint8(4) !== ELF_CLASS_32 || data.getUint16(18, true) !== ELF_MACHINE_386) {
      this.fail('it is not a 32-bit ELF file for the 386: multiboot enters a kernel in 32-bit protected mode');
    }
    const headers = data.getUint32(28, true);
    const size = data.getUint16(42, true);
    const count = data.getUint16(44, true);
    let end = 0;
    for (let at = headers; at < headers + size * count; at += size) {
      if (at + 32 > this.kernel.bytes.length) this.fail('it ends inside its program headers');
      if (data.getUint32(at, true) === PROGRAM_LOAD) end = Math.max(end, this.loadSegment(data, at));
    }
    if (end === 0) this.fail('it has nothing to load');
    return { entry: data.getUint32(24, true), end };
  }

  private loadSegment(data: DataView, at: number): number {
    const [offset, , physical, fileSize, memorySize] = [4, 8, 12, 16, 20].map((field) =>
      data.getUint32(at + field, true),
    ) as [number, number, number, number, number];
    if (offset + fileSize > this.kernel.bytes.length) this.fail(`it ends inside the segment for ${hex(physical)}`);
    if (fileSize > memorySize) {
      this.fail(
        `its segment for ${hex(physical)} has ${fileSize} bytes in the file and ${memorySize} in memory: the file is damaged`,
      );
    }
    this.store(physical, this.kernel.bytes.subarray(offset, offset + fileSize), memorySize);
    return physical + memorySize;
  }

  private store(address: number, bytes: Uint8Array, memorySize: number): void {
    if (address + memorySize > this.ram.length) {
      this.fail(
        `it loads up to ${hex(address + memorySize)}, beyond the end of memory at ${hex(this.ram.length)}: use a larger --memory`,
      );
    }
    this.ram.set(bytes, address);
    this.ram.fill(0, address + bytes.length, address + memorySize);
  }

  private fail(what: string): never {
    throw new BootError(`${this.kernel.name} is a multiboot kernel, but ${what}`);
  }
}
