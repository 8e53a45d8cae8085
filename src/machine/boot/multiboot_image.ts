// SPDX-License-Identifier: LGPL-2.1-only
import type { GuestRam } from '../memory/guest_ram.js';
import { BootArea } from './boot_area.js';
import { BootError } from './boot_error.js';
import { BootInfoWriter } from './boot_info_writer.js';
import type { BootFile, BootRequest, EntryState } from './entry_state.js';
import { HIGH_MEMORY_START, LOW_MEMORY_END, memoryMap } from './memory_map.js';
import { MultibootLoader } from './multiboot_loader.js';

// Multiboot Specification version 0.6.96.
const MAGIC = 0x1badb002;
const BOOTED = 0x2badb002;
const SEARCHED_BYTES = 8192;

const Info = { MEMORY: 1, COMMAND_LINE: 4, MODULES: 8, MEMORY_MAP: 0x40, LOADER_NAME: 0x200 } as const;
const INFO_BYTES = 120;
const MODULE_BYTES = 16;
const MAP_ENTRY_BYTES = 24;
const PAGE = 0x1000;
const LOADER_NAME = 'bareflank';

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

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

const align = (address: number): number => Math.ceil(address / PAGE) * PAGE;

/** Puts the modules one after the other on pages of their own. @returns their places and the first free byte. */
function placeModules(
  ram: GuestRam,
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

function writeMemoryMap(ramBytes: number, info: BootInfoWriter): { start: number; size: number } {
  const map = memoryMap(ramBytes);
  const start = info.reserve(map.length * MAP_ENTRY_BYTES);
  map.forEach((entry, index) => {
    // Each entry begins with its size, not counting that word.
    info.words(start + index * MAP_ENTRY_BYTES, MAP_ENTRY_BYTES - 4, entry.start, 0, entry.size, 0, entry.type);
  });
  return { start, size: map.length * MAP_ENTRY_BYTES };
}

/**
 * Loads a multiboot 1 kernel with its modules: EAX holds the magic number, EBX points to the information.
 * @param ram guest RAM from physical address 0.
 * @param headerAt what `multibootHeader` found.
 * @throws BootError if the kernel needs something that this loader lacks, or does not fit.
 */
export function loadMultibootImage(ram: GuestRam, request: BootRequest, headerAt: number): EntryState {
  const loaded = new MultibootLoader(ram, request.kernel).load(headerAt);
  const { places, end } = placeModules(ram, request.modules, Math.max(loaded.end, HIGH_MEMORY_START));
  const name = request.kernel.name.split(/[/\\]/).pop()!;
  // By the specification the command line begins with the kernel's own name.
  const text = request.append === '' ? name : `${name} ${request.append}`;
  const infoBytes = INFO_BYTES + text.length * 4 + (places.length + 1) * (MODULE_BYTES + PAGE);
  if (end + infoBytes > ram.length)
    throw new BootError(`${request.kernel.name} leaves no room in memory: use a larger --memory`);
  // The information goes above everything that was loaded: a kernel may be anywhere below.
  const info = new BootInfoWriter(ram, end);
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
    LOW_MEMORY_END >>> 10,
    (ram.length - HIGH_MEMORY_START) >>> 10,
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
    registers: { RAX: BOOTED, RBX: start, RSP: BootArea.BOOT_PARAMETERS },
  };
}
