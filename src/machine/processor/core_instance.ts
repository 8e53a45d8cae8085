// SPDX-License-Identifier: LGPL-2.1-only
import { Layout, memoryBytes as wasmBytes } from '../layout/layout.js';
import { Constants } from '../layout/core_constants.js';
import { Sizes } from '../layout/regions.js';
import { AbsentPages } from '../memory/absent_pages.js';
import { MachineRam, type DeviceRam } from '../memory/guest_ram.js';
import { allocateMemory, wipeMemory } from '../memory/machine_memory.js';
import { PAGE_BYTES } from '../memory/page_contents.js';
import { MemoryWriter } from '../memory/memory_writer.js';
import type { CoreBus } from './core_bus.js';
import type { CoreExports } from './core_exports.js';
import { coreImports, type MsrListener } from './core_imports.js';

/** What a core is made of. */
export interface CoreInstanceOptions {
  /** The compiled core, build/cpu/cpu.wasm. */
  readonly module: WebAssembly.Module;
  /** Guest RAM in bytes: a multiple of 64 KiB, 16 MiB … 3 GiB. */
  readonly memoryBytes: number;
  readonly bus: CoreBus;
  /** Memory of a core of the same size that is no longer used, to be used again: many short runs take less time then. See `wipeMemory`. */
  readonly memory?: WebAssembly.Memory;
}

/** The program of the processor core and its memory. All processors of a machine share them. */
export class CoreInstance {
  readonly memory: WebAssembly.Memory;
  readonly exports: CoreExports;
  /** The core's table of functions. */
  readonly table: WebAssembly.Table;
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly u64: BigUint64Array;
  /** Guest RAM and the VMM's carve-out behind it, in bytes. */
  readonly physicalBytes: number;
  /** One byte for each page of RAM and carve-out: 1 = written since it was last cleared. */
  readonly dirtyPages: Uint8Array;
  /** The pages of RAM whose contents are still to come. */
  readonly absentPages: AbsentPages;
  /** Writes RAM and carve-out for the machine. */
  readonly writer: MemoryWriter;
  /** Writes RAM for loaders and devices. */
  readonly guestRam: DeviceRam;
  /** Hears of writes that no processor's instruction makes; offsets begin at RAM. */
  writeListener: ((offset: number, size: number) => void) | undefined;
  /** Hears of writes of the MSR that WATCHED_MSR names. */
  msrListener: MsrListener | undefined;

  /** @throws RangeError if the memory size is not possible, MemoryError if the system does not give it. */
  constructor(private readonly options: CoreInstanceOptions) {
    const { memoryBytes, module, bus } = options;
    this.memory = memoryOf(options);
    this.physicalBytes = memoryBytes + Sizes.CARVE_OUT;
    const { buffer } = this.memory;
    this.u8 = new Uint8Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.u64 = new BigUint64Array(buffer);
    this.dirtyPages = this.u8.subarray(Layout.DIRTY, Layout.DIRTY + this.physicalBytes / PAGE_BYTES);
    this.absentPages = new AbsentPages(
      this.u8.subarray(Layout.RAM, Layout.RAM + memoryBytes),
      this.u8.subarray(Layout.ABSENT, Layout.ABSENT + memoryBytes / PAGE_BYTES),
      this.dirtyPages,
    );
    const instance = new WebAssembly.Instance(module, {
      env: coreImports(this.memory, bus, this.absentPages, (...write) =>
        this.msrListener?.(...write),
      ) as WebAssembly.ModuleImports,
    });
    this.exports = instance.exports as unknown as CoreExports;
    this.table = instance.exports['table'] as WebAssembly.Table;
    this.writer = new MemoryWriter(this, (offset, size) => this.memoryWritten(offset, size));
    this.guestRam = new MachineRam(this.writer, Layout.RAM, memoryBytes, this.absentPages);
  }

  /**
   * Byte offset of a physical address in the machine's memory, −1 where there is no RAM.
   * @param parts the parts of the carve-out that are memory, a bit set of Constants.CARVE_OUT_*.
   */
  offsetIn(physicalAddress: number, parts: number): number {
    const ram = this.options.memoryBytes;
    if (physicalAddress < ram) {
      this.absentPages.provide(Math.floor(physicalAddress / PAGE_BYTES));
      return Layout.RAM + physicalAddress;
    }
    const beyond = physicalAddress - Sizes.CARVE_OUT_GIB * 0x40000000;
    if (beyond < 0 || beyond >= Sizes.CARVE_OUT) return -1;
    const part = beyond < Constants.CARVE_OUT_VMM_BYTES ? Constants.CARVE_OUT_VMM : Constants.CARVE_OUT_DRIVER;
    return (parts & part) !== 0 ? Layout.RAM + ram + beyond : -1;
  }

  /** Something other than a processor wrote memory: updates the dirty map and decoded code. @param offset in the machine's memory, ≥ Layout.RAM. */
  private memoryWritten(offset: number, size: number): void {
    const first = (offset - Layout.RAM) >>> 12;
    const last = (offset - Layout.RAM + size - 1) >>> 12;
    this.dirtyPages.fill(1, first, last + 1);
    this.exports.noteWrite(offset - Layout.RAM, size);
    this.writeListener?.(offset - Layout.RAM, size);
    for (let page = first; page <= last; page++) {
      if (this.u32[Layout.PAGE_MAP / 4 + page] === 0) continue;
      const from = Math.max(offset - Layout.RAM, page * 4096);
      const to = Math.min(offset - Layout.RAM + size, (page + 1) * 4096);
      this.exports.codeWritten(from, to - from);
    }
  }
}

function memoryOf({ memoryBytes, memory }: CoreInstanceOptions): WebAssembly.Memory {
  if (memoryBytes <= 0 || memoryBytes % 0x10000 !== 0 || memoryBytes > Sizes.MAX_RAM) {
    throw new RangeError(`guest RAM of ${memoryBytes} bytes: wanted a multiple of 64 KiB up to 3 GiB`);
  }
  const bytes = wasmBytes(memoryBytes);
  if (memory === undefined) return allocateMemory(bytes / 0x10000, memoryBytes);
  if (memory.buffer.byteLength !== bytes) {
    throw new RangeError(`memory of ${memory.buffer.byteLength} bytes to be used again: wanted ${bytes} bytes`);
  }
  wipeMemory(memory);
  return memory;
}
