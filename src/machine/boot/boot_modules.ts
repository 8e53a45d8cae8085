// SPDX-License-Identifier: LGPL-2.1-only
import type { GuestRam } from '../memory/guest_ram.js';
import { BootError } from './boot_error.js';
import { BootInfoWriter } from './boot_info_writer.js';
import { moduleString, type BootModule, type BootRequest } from './entry_state.js';
import { memoryAdvice } from './memory_advice.js';

const PAGE = 0x1000;
const align = (address: number): number => Math.ceil(address / PAGE) * PAGE;

/** Where a module is in memory. */
export interface ModulePlace {
  readonly start: number;
  /** The first byte behind the module. */
  readonly end: number;
  /** The module's name and arguments. */
  readonly text: string;
}

/** Plans the places of modules one after the other, each on pages of its own. */
function placesOf(modules: readonly BootModule[], from: number): { places: ModulePlace[]; end: number } {
  let at = align(from);
  const places = modules.map((module) => {
    const start = at;
    const end = start + module.bytes.length;
    at = align(end);
    return { start, end, text: moduleString(module) };
  });
  return { places, end: at };
}

/**
 * Puts what the loader tells a kernel above the kernel, and the modules above that. A kernel may map no more than the memory right above
 * itself when it reads the information, as a 32-bit Linux does; it reads the modules later.
 * @param from the first free byte above the kernel.
 * @param write writes the information. @returns the address that the kernel is given. It is called twice, the first time to measure.
 * @throws BootError if memory does not hold all of it: then nothing was written.
 */
export function storeAbove(
  ram: GuestRam,
  { kernel, modules }: BootRequest,
  from: number,
  write: (info: BootInfoWriter, places: readonly ModulePlace[]) => number,
): number {
  const start = align(from);
  const measured = new BootInfoWriter(start);
  write(measured, placesOf(modules, 0).places);
  const { places, end } = placesOf(modules, measured.end);
  if (end > ram.length) {
    const count = modules.length === 1 ? '1 module' : `${modules.length} modules`;
    throw new BootError(
      `${kernel.name}, its ${count} (--initrd) and the boot information do not fit into memory: ${memoryAdvice(end)}`,
    );
  }
  const info = new BootInfoWriter(start);
  const address = write(info, places);
  info.store(ram);
  modules.forEach(({ bytes }, index) => ram.set(bytes, places[index]!.start));
  return address;
}
