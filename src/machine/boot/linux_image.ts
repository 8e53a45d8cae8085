// SPDX-License-Identifier: LGPL-2.1-only
import { hex } from '../../intrinsics/texts/hex.js';
import type { GuestRam } from '../memory/guest_ram.js';
import { BootArea, writeCommandLine } from './boot_area.js';
import { BootError } from './boot_error.js';
import type { BootFile, BootModule, BootRequest, EntryState } from './entry_state.js';
import { ENTRY_64, Header, setupHeader, type SetupHeader } from './linux_setup_header.js';
import { memoryAdvice } from './memory_advice.js';
import { HIGH_MEMORY_START, memoryMap } from './memory_map.js';

const PAGE = 0x1000;
const FOUR_GIBIBYTES = 2 ** 32;
const LOADED_HIGH = 1;
const LOADER_UNDEFINED = 0xff;
const STACK_BELOW_PARAMETERS = BootArea.BOOT_PARAMETERS;

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;

/** @returns where the kernel begins, and the end of what it occupies while it unpacks itself. */
function placeKernel(ram: GuestRam, kernel: BootFile, header: SetupHeader): { address: number; end: number } {
  const address = header.preferredAddress;
  const end = address + Math.max(header.initSize, kernel.bytes.length - header.setupBytes);
  if (address < HIGH_MEMORY_START || address >= FOUR_GIBIBYTES) {
    throw new BootError(
      `${kernel.name} is a Linux image, but its load address ${hex(address)} is not between 1 MiB and 4 GiB: the file is damaged`,
    );
  }
  if (end > ram.length) {
    throw new BootError(
      `${kernel.name} needs memory up to ${hex(end)} to unpack itself, and there is only ${mebibytes(ram.length)}: ${memoryAdvice(end)}`,
    );
  }
  ram.set(kernel.bytes.subarray(header.setupBytes), address);
  return { address, end };
}

/** @throws BootError if Linux does not take these files. */
function theRamDisk(files: readonly BootModule[]): BootModule | undefined {
  const [file] = files;
  if (files.length > 1)
    throw new BootError(
      `Linux takes one initial RAM disk (--initrd), not ${files.length}: join the archives to one file by cat, the kernel unpacks them one after the other`,
    );
  if (file !== undefined && file.arguments !== '')
    throw new BootError(
      `Linux takes no arguments with its initial RAM disk (--initrd), and ${file.name} has "${file.arguments}": arguments of the kernel belong to --append`,
    );
  return file;
}

function placeRamDisk(
  ram: GuestRam,
  file: BootModule,
  header: SetupHeader,
  kernelEnd: number,
): { address: number; size: number } {
  const size = file.bytes.length;
  const limit = header.initrdAddressMax + 1;
  const address = Math.floor((Math.min(ram.length, limit) - size) / PAGE) * PAGE;
  if (address < kernelEnd) {
    const needed = Math.ceil(kernelEnd / PAGE) * PAGE + Math.ceil(size / PAGE) * PAGE;
    const advice =
      needed > limit ? `the kernel looks for it below ${hex(limit)}: use a smaller one` : memoryAdvice(needed);
    throw new BootError(
      `the initial RAM disk ${file.name} (${mebibytes(size)}) does not fit above the kernel in ${mebibytes(ram.length)} of memory: ${advice}`,
    );
  }
  ram.set(file.bytes, address);
  return { address, size };
}

function writeMemoryMap(parameters: DataView, ramBytes: number): void {
  const map = memoryMap(ramBytes);
  parameters.setUint8(Header.E820_ENTRIES, map.length);
  map.forEach((entry, index) => {
    const at = Header.E820_TABLE + 20 * index;
    parameters.setBigUint64(at, BigInt(entry.start), true);
    parameters.setBigUint64(at + 8, BigInt(entry.size), true);
    parameters.setUint32(at + 16, entry.type, true);
  });
}

/**
 * Loads a bzImage: RSI points to the boot parameters. A kernel with a 64-bit entry point is entered by the 64-bit boot protocol, other
 * kernels by the 32-bit one.
 * @param ram guest RAM from physical address 0.
 * @throws BootError if the image is too old or damaged, or does not fit.
 */
export function loadLinuxImage(ram: GuestRam, request: BootRequest): EntryState {
  const { kernel } = request;
  const header = setupHeader(kernel);
  const file = theRamDisk(request.modules);
  const { address, end } = placeKernel(ram, kernel, header);
  const disk = file === undefined ? { address: 0, size: 0 } : placeRamDisk(ram, file, header, end);

  const page = new Uint8Array(PAGE);
  page.set(header.bytes, Header.SETUP_SECTORS);
  const parameters = new DataView(page.buffer);
  parameters.setUint8(Header.TYPE_OF_LOADER, LOADER_UNDEFINED);
  parameters.setUint8(Header.LOAD_FLAGS, parameters.getUint8(Header.LOAD_FLAGS) | LOADED_HIGH);
  parameters.setUint32(Header.PROTECTED_MODE_START, address, true);
  parameters.setUint32(Header.RAMDISK_IMAGE, disk.address, true);
  parameters.setUint32(Header.RAMDISK_SIZE, disk.size, true);
  const commandLine = writeCommandLine(ram, request.append, kernel.name, header.commandLineSize);
  parameters.setUint32(Header.COMMAND_LINE, commandLine, true);
  parameters.setBigUint64(Header.ACPI_RSDP, BigInt(request.acpiRootPointer ?? 0), true);
  writeMemoryMap(parameters, ram.length);
  ram.set(page, BootArea.BOOT_PARAMETERS);
  return {
    mode: header.has64BitEntry ? 'long' : 'protected',
    entry: header.has64BitEntry ? address + ENTRY_64 : address,
    registers: { RSI: BootArea.BOOT_PARAMETERS, RSP: STACK_BELOW_PARAMETERS },
  };
}
