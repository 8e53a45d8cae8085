// SPDX-License-Identifier: LGPL-2.1-only
import type { GuestRam } from '../memory/guest_ram.js';
import { writeGdt, writeIdentityPageTables } from './boot_area.js';
import { BootError } from './boot_error.js';
import { isElf } from './elf_image.js';
import type { BootRequest, EntryState } from './entry_state.js';
import { loadFlatImage } from './flat_image.js';
import { loadLinuxImage } from './linux_image.js';
import { isLinuxImage } from './linux_setup_header.js';
import { loadMultibootImage, multibootHeader } from './multiboot_image.js';
import { loadPvhImage } from './pvh_image.js';

/** The first bytes of well-known files that cannot be booted, and a name for each kind. */
const KNOWN_OTHERS: readonly (readonly [readonly number[], string])[] = [
  [[0x7f, 0x45, 0x4c, 0x46], 'an ELF file without a multiboot header and without a PVH entry note'],
  [[0x1f, 0x8b], 'a gzip archive'],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], 'an xz archive'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'a zstd archive'],
  [[0x50, 0x4b, 0x03, 0x04], 'a zip archive'],
  [[0x21, 0x3c, 0x61, 0x72, 0x63, 0x68], 'an archive, as .deb packages are: unpack it and use the vmlinuz inside'],
  [[0x4d, 0x5a], 'a program for Windows or EFI without a Linux setup header'],
];
const TEXT_SAMPLE = 4096;
const WANTED = 'a Linux bzImage (vmlinuz), a multiboot 1 kernel, an ELF kernel with a PVH entry, or a flat image';

function startsWith(bytes: Uint8Array, prefix: readonly number[]): boolean {
  return prefix.every((byte, index) => bytes[index] === byte);
}

/** Text is UTF-8 and has no control characters except white space. Machine code soon breaks one of these rules. */
function isText(bytes: Uint8Array): boolean {
  const sample = bytes.subarray(0, TEXT_SAMPLE);
  if (!sample.every((byte) => byte >= 0x20 || (byte >= 0x07 && byte <= 0x0d) || byte === 0x1b)) return false;
  try {
    // A character that the end of the sample cuts off is not an error.
    new TextDecoder('utf-8', { fatal: true }).decode(sample, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function refuseOthers(request: BootRequest): void {
  const { name, bytes } = request.kernel;
  const refuse = (what: string): never => {
    throw new BootError(`${name} is ${what}, not a kernel. Wanted: ${WANTED}`, {
      details: { where: name, found: what, expected: WANTED },
    });
  };
  if (bytes.length === 0) refuse('an empty file');
  for (const [prefix, what] of KNOWN_OTHERS) if (startsWith(bytes, prefix)) refuse(what);
  if (isText(bytes)) refuse('a text file');
}

function loadByKind(ram: GuestRam, request: BootRequest): EntryState {
  if (isLinuxImage(request.kernel.bytes)) return loadLinuxImage(ram, request);
  const header = multibootHeader(request.kernel.bytes);
  if (header !== undefined) return loadMultibootImage(ram, request, header);
  const pvh = isElf(request.kernel.bytes) ? loadPvhImage(ram, request) : undefined;
  if (pvh !== undefined) return pvh;
  refuseOthers(request);
  return loadFlatImage(ram, request);
}

/** Where the loader put the processor's tables: this completes the entry state. */
export interface LoadedImage extends EntryState {
  /** CR3 in long mode, 0 in protected mode. */
  readonly pageTable: number;
}

/**
 * Puts an image of any known kind into memory, with the descriptor table and the page tables that its first instructions need.
 * @param ram guest RAM from physical address 0.
 * @throws BootError saying what the file is and why it cannot be booted.
 */
export function loadImage(ram: GuestRam, request: BootRequest): LoadedImage {
  const state = loadByKind(ram, request);
  writeGdt(ram, state.mode);
  return { ...state, pageTable: state.mode === 'long' ? writeIdentityPageTables(ram) : 0 };
}
