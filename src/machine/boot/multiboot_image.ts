// SPDX-License-Identifier: LGPL-2.1-only
import { BootArea } from './boot_area.js';
import { BootError } from './boot_error.js';
import type { BootFile, BootRequest, EntryState } from './entry_state.js';
import { HIGH_MEMORY_START, LOW_MEMORY_END, memoryMap } from './memory_map.js';

// Multiboot Specification version 0.6.96.
const MAGIC = 0x1badb002;
const BOOTED = 0x2badb002;
const SEARCHED_BYTES = 8192;
const FLAG_ADDRESSES = 0x10000;
/** Flags 15:2 that a loader must understand or refuse; bits 0 (page-align modules), 1 (memory information), 2 (video mode) are known. */
const FLAGS_REFUSED = 0xfff8;

const Info = { MEMORY: 1, COMMAND_LINE: 4, MODULES: 8, MEMORY_MAP: 0x40, LOADER_NAME: 0x200 } as const;
const INFO_BYTES = 120;
const MODULE_BYTES = 16;
const MAP_ENTRY_BYTES = 24;
const PAGE = 0x1000;
const LOADER_NAME = 'bareflank';

const ELF_MAGIC = 0x464c457f;
const ELF_CLASS_32 = 1;
const ELF_MACHINE_386 = 3;
const PROGRAM_LOAD = 1;

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const hex = (value: number): string => `0x${value.toString(16)}`;

/** The offset of a multiboot header in a file, or undefined if it has none. */
export function multibootHeader(bytes: Uint8Array): number | undefined {
  const data = view(bytes);
  for (let at = 0; at + 12 <= Math.min(bytes.length, SEARCHED_BYTES); at += 4) {
    if (data.getUint32(at, true) !== MAGIC) continue;
    const sum = MAGIC + data.getUint32(at + 4, true) + data.getUint32(at + 8, true);
    if (sum % 2 ** 32 === 0) return at;
  }
  return undefined;
}

interface Loaded {
  readonly entry: number;
  /** First free byte above everything loaded. */
  readonly end: number;
}

class MultibootLoader {
  constructor(
    private readonly ram: Uint8Array,
    private readonly kernel: BootFile,
  ) {}

  load(headerAt: number): Loaded {
    const flags = view(this.kernel.bytes).getUint32(headerAt + 4, true);
    if (flags & FLAGS_REFUSED)
      this.fail(`its header asks for features ${hex(flags & FLAGS_REFUSED)} that this loader does not have`);
    return flags & FLAG_ADDRESSES ? this.loadByAddresses(headerAt) : this.loadElf();
  }

  private loadByAddresses(headerAt: number): Loaded {
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

  private loadElf(): Loaded {
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

const align = (address: number): number => Math.ceil(address / PAGE) * PAGE;

/** Writes NUL-terminated strings and tables one after the other. */
class InfoWriter {
  readonly data: DataView;

  constructor(
    private readonly ram: Uint8Array,
    private at: number,
  ) {
    this.data = view(ram);
  }

  reserve(bytes: number): number {
    const start = this.at;
    this.ram.fill(0, start, start + bytes);
    this.at = Math.ceil((start + bytes) / 8) * 8;
    return start;
  }

  text(text: string): number {
    const bytes = new TextEncoder().encode(text);
    const start = this.reserve(bytes.length + 1);
    this.ram.set(bytes, start);
    return start;
  }

  words(start: number, ...values: number[]): void {
    values.forEach((value, index) => this.data.setUint32(start + 4 * index, value, true));
  }
}

/** Puts the modules one after the other on pages of their own. @returns their places and the first free byte. */
function placeModules(
  ram: Uint8Array,
  modules: readonly BootFile[],
  from: number,
): { places: { start: number; end: number; name: string }[]; end: number } {
  let at = align(from);
  const places = modules.map(({ name, bytes }) => {
    const start = at;
    const end = start + bytes.length;
    if (end > ram.length) throw new BootError(`the module ${name} does not fit into memory: use a larger --memory`);
    ram.set(bytes, start);
    at = align(end);
    return { start, end, name };
  });
  return { places, end: at };
}

function writeMemoryMap(ramBytes: number, info: InfoWriter): { start: number; size: number } {
  const map = memoryMap(ramBytes);
  const start = info.reserve(map.length * MAP_ENTRY_BYTES);
  map.forEach((entry, index) => {
    // Each entry begins with its size without that word itself.
    info.words(start + index * MAP_ENTRY_BYTES, MAP_ENTRY_BYTES - 4, entry.start, 0, entry.size, 0, entry.type);
  });
  return { start, size: map.length * MAP_ENTRY_BYTES };
}

/**
 * Loads a multiboot 1 kernel with its modules: EAX holds the magic number, EBX points to the information.
 * @param ram guest RAM from physical address 0.
 * @param headerAt what `multibootHeader` found.
 * @throws BootError if the kernel asks for what there is not, or does not fit.
 */
export function loadMultibootImage(ram: Uint8Array, request: BootRequest, headerAt: number): EntryState {
  const loaded = new MultibootLoader(ram, request.kernel).load(headerAt);
  const { places, end } = placeModules(ram, request.modules, Math.max(loaded.end, HIGH_MEMORY_START));
  const name = request.kernel.name.split(/[/\\]/).pop()!;
  // By the specification the command line begins with the kernel's own name.
  const text = request.append === '' ? name : `${name} ${request.append}`;
  const infoBytes = INFO_BYTES + text.length * 4 + (places.length + 1) * (MODULE_BYTES + PAGE);
  if (end + infoBytes > ram.length)
    throw new BootError(`${request.kernel.name} leaves no room in memory: use a larger --memory`);
  // The information stands above everything that was loaded: a kernel may be anywhere below.
  const info = new InfoWriter(ram, end);
  const start = info.reserve(INFO_BYTES);
  const commandLine = info.text(text);
  const table = info.reserve(Math.max(places.length, 1) * MODULE_BYTES);
  places.forEach((place, index) =>
    info.words(table + index * MODULE_BYTES, place.start, place.end, info.text(place.name), 0),
  );
  const map = writeMemoryMap(ram.length, info);
  const flags = Info.MEMORY | Info.COMMAND_LINE | Info.MODULES | Info.MEMORY_MAP | Info.LOADER_NAME;
  info.words(
    start,
    flags,
    LOW_MEMORY_END >> 10,
    (ram.length - HIGH_MEMORY_START) >> 10,
    0,
    commandLine,
    places.length,
    table,
  );
  info.words(start + 44, map.size, map.start);
  info.words(start + 64, info.text(LOADER_NAME));
  return {
    mode: 'protected',
    entry: loaded.entry,
    loadedEnd: end + infoBytes,
    registers: { rax: BOOTED, rbx: start, rsp: BootArea.BOOT_PARAMETERS },
  };
}
