// SPDX-License-Identifier: LGPL-2.1-only
import type { GuestRam } from '../memory/guest_ram.js';
import { writeCommandLine } from './boot_area.js';
import { BootError } from './boot_error.js';
import type { BootRequest, EntryState } from './entry_state.js';
import { memoryAdvice } from './memory_advice.js';

/** A flat image is copied to this physical address and entered at its first byte. */
export const FLAT_IMAGE_ADDRESS = 0x200000;

/**
 * Loads a flat image: bytes without any header, entered at their first byte in 64-bit mode with the first 4 GiB mapped to themselves.
 * RDI points to the command line (NUL-terminated), RSI holds the bytes of memory, RSP is the image's own address: the stack grows down
 * below it.
 * @param ram guest RAM from physical address 0.
 * @throws BootError if the image does not fit, or if there are modules: a flat image could not find them.
 */
export function loadFlatImage(ram: GuestRam, request: BootRequest): EntryState {
  const { kernel } = request;
  if (request.modules.length > 0) throw new BootError(`${kernel.name} is a flat image, which takes no --initrd`);
  const end = FLAT_IMAGE_ADDRESS + kernel.bytes.length;
  if (end > ram.length) {
    throw new BootError(
      `${kernel.name} has ${kernel.bytes.length} bytes and does not fit above 2 MiB in memory: ${memoryAdvice(end)}`,
    );
  }
  ram.set(kernel.bytes, FLAT_IMAGE_ADDRESS);
  const commandLine = writeCommandLine(ram, request.append, kernel.name);
  return {
    mode: 'long',
    entry: FLAT_IMAGE_ADDRESS,
    registers: { RDI: commandLine, RSI: ram.length, RSP: FLAT_IMAGE_ADDRESS },
  };
}
