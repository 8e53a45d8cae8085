// SPDX-License-Identifier: LGPL-2.1-only
import type { GuestRam } from '../memory/guest_ram.js';
import { BootArea, writeCommandLine } from './boot_area.js';
import { BootError } from './boot_error.js';
import type { BootFile, BootRequest, EntryState } from './entry_state.js';
import { HIGH_MEMORY_START, memoryMap } from './memory_map.js';

/** Offsets in the setup header and in the boot parameters. Linux documentation "The Linux/x86 Boot Protocol" and "Zero Page". */
const Header = {
  ACPI_RSDP: 0x70,
  E820_ENTRIES: 0x1e8,
  SETUP_SECTORS: 0x1f1,
  PROTECTED_MODE_PARAGRAPHS: 0x1f4,
  BOOT_FLAG: 0x1fe,
  JUMP: 0x200,
  MAGIC: 0x202,
  VERSION: 0x206,
  TYPE_OF_LOADER: 0x210,
  LOAD_FLAGS: 0x211,
  RAMDISK_IMAGE: 0x218,
  RAMDISK_SIZE: 0x21c,
  COMMAND_LINE: 0x228,
  INITRD_ADDRESS_MAX: 0x22c,
  KERNEL_ALIGNMENT: 0x230,
  RELOCATABLE: 0x234,
  XLOAD_FLAGS: 0x236,
  COMMAND_LINE_SIZE: 0x238,
  PREFERRED_ADDRESS: 0x258,
  INIT_SIZE: 0x260,
  E820_TABLE: 0x2d0,
} as const;

const MAGIC = 0x53726448;
const BOOT_FLAG = 0xaa55;
const FIRST_64_BIT_VERSION = 0x20c;
const SETUP_HEADER_START = 0x1f1;
const SETUP_HEADER_END = 0x290;
const SECTOR = 512;
const PAGE = 0x1000;
const FOUR_GIBIBYTES = 2 ** 32;
const XLOAD_KERNEL_64 = 1;
const LOADED_HIGH = 1;
const LOADER_UNDEFINED = 0xff;
const ENTRY_64 = 0x200;
const STACK_BELOW_HEADER = BootArea.BOOT_PARAMETERS;

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const hex = (value: number): string => `0x${value.toString(16)}`;
const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;

/** Whether a file has a Linux setup header, whatever its version. */
export function isLinuxImage(bytes: Uint8Array): boolean {
  return bytes.length >= Header.MAGIC + 4 && view(bytes).getUint32(Header.MAGIC, true) === MAGIC;
}

interface SetupHeader {
  readonly setupBytes: number;
  readonly preferredAddress: number;
  readonly initSize: number;
  readonly alignment: number;
  readonly commandLineSize: number;
  readonly initrdAddressMax: number;
}

function checkedHeader(kernel: BootFile): SetupHeader {
  const data = view(kernel.bytes);
  const fail = (what: string): never => {
    throw new BootError(`${kernel.name} is a Linux image, but ${what}`);
  };
  if (kernel.bytes.length < Header.INIT_SIZE + 4)
    fail(`it ends after ${kernel.bytes.length} bytes, inside its setup header`);
  if (data.getUint16(Header.BOOT_FLAG, true) !== BOOT_FLAG) {
    fail(`its boot flag is ${hex(data.getUint16(Header.BOOT_FLAG, true))}, not 0xaa55: the file is damaged`);
  }
  const version = data.getUint16(Header.VERSION, true);
  if (version < FIRST_64_BIT_VERSION) {
    fail(
      `its boot protocol is ${version >> 8}.${version & 255}; entering a kernel in 64-bit mode needs 2.12 (Linux 3.8) or newer`,
    );
  }
  if (!(data.getUint16(Header.XLOAD_FLAGS, true) & XLOAD_KERNEL_64)) {
    fail('it has no 64-bit entry point (xloadflags bit 0 is clear): a 32-bit kernel. Use an amd64 kernel');
  }
  const setupBytes = ((kernel.bytes[Header.SETUP_SECTORS] || 4) + 1) * SECTOR;
  if (kernel.bytes.length <= setupBytes + ENTRY_64)
    fail(`it ends after ${kernel.bytes.length} bytes, before its protected-mode part`);
  // A signed kernel has its signature after these.
  const wholeBytes = setupBytes + 16 * data.getUint32(Header.PROTECTED_MODE_PARAGRAPHS, true);
  if (kernel.bytes.length < wholeBytes)
    fail(`it ends after ${kernel.bytes.length} of ${wholeBytes} bytes: a part of the file is missing`);
  return {
    setupBytes,
    preferredAddress: Number(data.getBigUint64(Header.PREFERRED_ADDRESS, true)),
    initSize: data.getUint32(Header.INIT_SIZE, true),
    alignment: data.getUint32(Header.KERNEL_ALIGNMENT, true),
    commandLineSize: data.getUint32(Header.COMMAND_LINE_SIZE, true),
    initrdAddressMax: data.getUint32(Header.INITRD_ADDRESS_MAX, true),
  };
}

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
      `${kernel.name} needs memory up to ${hex(end)} to unpack itself, and there is only ${mebibytes(ram.length)}: use --memory ${Math.ceil(end / 2 ** 20) + 16}M or more`,
    );
  }
  ram.set(kernel.bytes.subarray(header.setupBytes), address);
  return { address, end };
}

function placeRamDisk(
  ram: GuestRam,
  files: readonly BootFile[],
  header: SetupHeader,
  kernelEnd: number,
): { address: number; size: number } {
  if (files.length > 1)
    throw new BootError(
      `Linux takes one initial RAM disk (--initrd), not ${files.length}: join the archives to one file by cat, the kernel unpacks them one after the other`,
    );
  const file = files[0];
  if (file === undefined) return { address: 0, size: 0 };
  const top = Math.min(ram.length, header.initrdAddressMax + 1);
  const address = Math.floor((top - file.bytes.length) / PAGE) * PAGE;
  if (address < kernelEnd) {
    throw new BootError(
      `the initial RAM disk ${file.name} (${mebibytes(file.bytes.length)}) does not fit above the kernel in ${mebibytes(ram.length)} of memory: use a larger --memory`,
    );
  }
  ram.set(file.bytes, address);
  return { address, size: file.bytes.length };
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
 * Loads a bzImage by the 64-bit boot protocol: RSI points to the boot parameters, execution begins at 200h of the protected-mode part.
 * @param ram guest RAM from physical address 0.
 * @throws BootError if the image is not a 64-bit kernel, is damaged, or does not fit.
 */
export function loadLinuxImage(ram: GuestRam, request: BootRequest): EntryState {
  const { kernel } = request;
  const header = checkedHeader(kernel);
  const { address, end } = placeKernel(ram, kernel, header);
  const disk = placeRamDisk(ram, request.modules, header, end);

  const parametersAt = BootArea.BOOT_PARAMETERS;
  const page = new Uint8Array(PAGE);
  // The displacement of the header's jump says how long this kernel's header is.
  const headerEnd = Math.min(Header.MAGIC + kernel.bytes[Header.JUMP + 1]!, SETUP_HEADER_END);
  page.set(kernel.bytes.subarray(SETUP_HEADER_START, headerEnd), SETUP_HEADER_START);
  const parameters = view(page);
  parameters.setUint8(Header.TYPE_OF_LOADER, LOADER_UNDEFINED);
  parameters.setUint8(Header.LOAD_FLAGS, parameters.getUint8(Header.LOAD_FLAGS) | LOADED_HIGH);
  parameters.setUint32(Header.RAMDISK_IMAGE, disk.address, true);
  parameters.setUint32(Header.RAMDISK_SIZE, disk.size, true);
  const commandLine = writeCommandLine(ram, request.append, kernel.name, header.commandLineSize);
  parameters.setUint32(Header.COMMAND_LINE, commandLine, true);
  parameters.setBigUint64(Header.ACPI_RSDP, BigInt(request.acpiRootPointer ?? 0), true);
  writeMemoryMap(parameters, ram.length);
  ram.set(page, parametersAt);
  return {
    mode: 'long',
    entry: address + ENTRY_64,
    registers: { RSI: parametersAt, RSP: STACK_BELOW_HEADER },
  };
}
