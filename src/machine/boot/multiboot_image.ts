// SPDX-License-Identifier: LGPL-2.1-only
import type { GuestRam } from '../memory/guest_ram.js';
import { BootArea } from './boot_area.js';
import { BootInfoWriter } from './boot_info_writer.js';
import { storeAbove, type ModulePlace } from './boot_modules.js';
import type { BootRequest, EntryState } from './entry_state.js';
import { HIGH_MEMORY_START, LOW_MEMORY_END, memoryMap, upperMemory, type MemoryMapEntry } from './memory_map.js';
import { MultibootLoader } from './multiboot_loader.js';

// Multiboot Specification version 0.6.96.
const MAGIC = 0x1badb002;
const BOOTED = 0x2badb002;
const SEARCHED_BYTES = 8192;

const Info = { MEMORY: 1, COMMAND_LINE: 4, MODULES: 8, MEMORY_MAP: 0x40, LOADER_NAME: 0x200 } as const;
const INFO_FLAGS = Object.values(Info).reduce((flags: number, flag) => flags | flag, 0);
/** Indices of the information's words. */
const InfoWord = {
  FLAGS: 0,
  LOWER_KIBIBYTES: 1,
  UPPER_KIBIBYTES: 2,
  COMMAND_LINE: 4,
  MODULE_COUNT: 5,
  MODULES: 6,
  MAP_BYTES: 11,
  MAP: 12,
  LOADER_NAME: 16,
} as const;
const INFO_WORDS = 30;
const MAP_ENTRY_BYTES = 24;
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

function writeMemoryMap(info: BootInfoWriter, map: readonly MemoryMapEntry[]): number {
  // Each entry begins with its size, not counting that word.
  return info.words(...map.flatMap(({ start, size, type }) => [MAP_ENTRY_BYTES - 4, start, 0, size, 0, type]));
}

/** By the specification the command line begins with the kernel's own name. */
function commandLine({ kernel, append }: BootRequest): string {
  const name = kernel.name.split(/[/\\]/).pop()!;
  return append === '' ? name : `${name} ${append}`;
}

/** @returns the address of the information. */
function writeInfo(
  info: BootInfoWriter,
  request: BootRequest,
  map: readonly MemoryMapEntry[],
  places: readonly ModulePlace[],
): number {
  const words = new Array<number>(INFO_WORDS).fill(0);
  words[InfoWord.FLAGS] = INFO_FLAGS;
  words[InfoWord.LOWER_KIBIBYTES] = LOW_MEMORY_END >>> 10;
  words[InfoWord.UPPER_KIBIBYTES] = upperMemory(map) >>> 10;
  words[InfoWord.COMMAND_LINE] = info.text(commandLine(request));
  words[InfoWord.MODULE_COUNT] = places.length;
  words[InfoWord.MODULES] = info.words(...places.flatMap(({ start, end, text }) => [start, end, info.text(text), 0]));
  words[InfoWord.MAP_BYTES] = map.length * MAP_ENTRY_BYTES;
  words[InfoWord.MAP] = writeMemoryMap(info, map);
  words[InfoWord.LOADER_NAME] = info.text(LOADER_NAME);
  return info.words(...words);
}

/**
 * Loads a multiboot 1 kernel with its modules: EAX holds the magic number, EBX points to the information.
 * @param ram guest RAM from physical address 0.
 * @param headerAt what `multibootHeader` found.
 * @throws BootError if the kernel needs something that this loader lacks, or does not fit.
 */
export function loadMultibootImage(ram: GuestRam, request: BootRequest, headerAt: number): EntryState {
  const loaded = new MultibootLoader(ram, request.kernel).load(headerAt);
  // All else goes above the kernel: a kernel may be anywhere below.
  const info = storeAbove(ram, request, Math.max(loaded.end, HIGH_MEMORY_START), (writer, places) =>
    writeInfo(writer, request, memoryMap(ram.length), places),
  );
  return {
    mode: 'protected',
    entry: loaded.entry,
    registers: { RAX: BOOTED, RBX: info, RSP: BootArea.BOOT_PARAMETERS },
  };
}
