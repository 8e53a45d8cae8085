// SPDX-License-Identifier: LGPL-2.1-only
import type { GuestRam } from '../memory/guest_ram.js';
import { BootArea } from './boot_area.js';
import type { BootInfoWriter } from './boot_info_writer.js';
import { storeAbove, type ModulePlace } from './boot_modules.js';
import { ElfImage } from './elf_image.js';
import type { BootRequest, EntryState } from './entry_state.js';
import { HIGH_MEMORY_START, memoryMap } from './memory_map.js';

// Xen documentation "x86/HVM direct boot ABI", and the structures of Xen's public header arch-x86/hvm/start_info.h.
const NOTE_OWNER = 'Xen';
/** XEN_ELFNOTE_PHYS32_ENTRY: the physical address of a 32-bit entry point. */
const NOTE_PHYS32_ENTRY = 18;
const START_MAGIC = 0x336ec578;
const START_VERSION = 1;
/** The limit of TR that the ABI asks for. */
const TASK_LIMIT = 0x67;
const KIND = 'an ELF kernel';

/** A 64-bit address or size below 4 GiB as words. */
const wide = (value: number): [number, number] => [value, 0];

/** The entry point in the PVH note of an ELF file, or undefined if there is none. @throws BootError if the file is damaged */
function pvhEntry(elf: ElfImage): number | undefined {
  const note = elf.note(NOTE_OWNER, NOTE_PHYS32_ENTRY);
  if (note === undefined) return undefined;
  if (note.length < 4) elf.fail(`its PVH entry note has ${note.length} bytes, not 4 or 8`);
  const entry = new DataView(note.buffer, note.byteOffset).getUint32(0, true);
  if (!elf.isLoaded(entry)) elf.fail(`its PVH entry 0x${entry.toString(16)} is in no segment: the file is damaged`);
  return entry;
}

/** @returns the address of the start information. */
function writeStartInfo(
  info: BootInfoWriter,
  { append, acpiRootPointer }: BootRequest,
  ramBytes: number,
  places: readonly ModulePlace[],
): number {
  const map = memoryMap(ramBytes);
  const modules = info.words(
    ...places.flatMap(({ start, end, text }) => [
      ...wide(start),
      ...wide(end - start),
      ...wide(info.text(text)),
      ...wide(0),
    ]),
  );
  const table = info.words(...map.flatMap(({ start, size, type }) => [...wide(start), ...wide(size), type, 0]));
  const commandLine = info.text(append);
  const flags = 0;
  return info.words(
    START_MAGIC,
    START_VERSION,
    flags,
    places.length,
    ...wide(modules),
    ...wide(commandLine),
    ...wide(acpiRootPointer ?? 0),
    ...wide(table),
    map.length,
    0,
  );
}

/**
 * Loads an ELF kernel with a PVH entry note: EBX points to the start information.
 * @param ram guest RAM from physical address 0.
 * @returns undefined if the file has no such note. @throws BootError if it is damaged or does not fit
 */
export function loadPvhImage(ram: GuestRam, request: BootRequest): EntryState | undefined {
  const elf = new ElfImage(request.kernel, KIND);
  const entry = pvhEntry(elf);
  if (entry === undefined) return undefined;
  const end = Math.max(elf.load(ram), HIGH_MEMORY_START);
  const info = storeAbove(ram, request, end, (writer, places) => writeStartInfo(writer, request, ram.length, places));
  return {
    mode: 'protected',
    entry,
    registers: { RBX: info, RSP: BootArea.BOOT_PARAMETERS },
    taskLimit: TASK_LIMIT,
  };
}
