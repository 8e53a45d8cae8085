// SPDX-License-Identifier: LGPL-2.1-only
import { hex } from '../../intrinsics/texts/hex.js';
import { BootError } from './boot_error.js';
import type { BootFile } from './entry_state.js';

/** Offsets in the setup header and in the boot parameters. Linux documentation "The Linux/x86 Boot Protocol" and "Zero Page". */
export const Header = {
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
  PROTECTED_MODE_START: 0x214,
  RAMDISK_IMAGE: 0x218,
  RAMDISK_SIZE: 0x21c,
  COMMAND_LINE: 0x228,
  INITRD_ADDRESS_MAX: 0x22c,
  XLOAD_FLAGS: 0x236,
  COMMAND_LINE_SIZE: 0x238,
  PREFERRED_ADDRESS: 0x258,
  INIT_SIZE: 0x260,
  E820_TABLE: 0x2d0,
} as const;

const MAGIC = 0x53726448;
const BOOT_FLAG = 0xaa55;
/** From 2.10 (Linux 2.6.31) on, the header says where the kernel unpacks itself and how much memory that takes. */
const FIRST_VERSION = 0x20a;
/** From 2.12 (Linux 3.8) on, the header says whether there is a 64-bit entry point. */
const FIRST_64_BIT_VERSION = 0x20c;
const XLOAD_KERNEL_64 = 1;
const HEADER_START = Header.SETUP_SECTORS;
const HEADER_END = 0x290;
const SECTOR = 512;
const PARAGRAPH = 16;
/** The 64-bit entry point in the protected-mode part. The 32-bit entry point is its first byte. */
export const ENTRY_64 = 0x200;

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const versionText = (version: number): string => `${version >> 8}.${version & 255}`;

/** Whether a file has a Linux setup header, whatever its version. */
export function isLinuxImage(bytes: Uint8Array): boolean {
  return bytes.length >= Header.MAGIC + 4 && view(bytes).getUint32(Header.MAGIC, true) === MAGIC;
}

/** What a bzImage says of itself. */
export interface SetupHeader {
  /** The header's own bytes, for the boot parameters. */
  readonly bytes: Uint8Array;
  /** The bytes before the protected-mode part. */
  readonly setupBytes: number;
  /** Whether there is a 64-bit entry point. */
  readonly has64BitEntry: boolean;
  readonly preferredAddress: number;
  readonly initSize: number;
  readonly commandLineSize: number;
  readonly initrdAddressMax: number;
}

function checkWhole(kernel: BootFile, setupBytes: number, fail: (what: string) => never): void {
  const { length } = kernel.bytes;
  if (length <= setupBytes + ENTRY_64) fail(`it ends after ${length} bytes, before its protected-mode part`);
  // Behind this a signed kernel has its signature. The header counts whole paragraphs, but a file may end inside its last one.
  const paragraphs = view(kernel.bytes).getUint32(Header.PROTECTED_MODE_PARAGRAPHS, true);
  const wholeBytes = setupBytes + PARAGRAPH * paragraphs;
  if (length <= wholeBytes - PARAGRAPH)
    fail(`it ends after ${length} of ${wholeBytes} bytes: a part of the file is missing`);
}

/** Reads the setup header of a bzImage. @throws BootError if it is too old, or the file is damaged. */
export function setupHeader(kernel: BootFile): SetupHeader {
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
  if (version < FIRST_VERSION) {
    fail(`its boot protocol is ${versionText(version)}; this loader needs 2.10 (Linux 2.6.31) or newer`);
  }
  const setupBytes = ((kernel.bytes[Header.SETUP_SECTORS] || 4) + 1) * SECTOR;
  checkWhole(kernel, setupBytes, fail);
  const xloadFlags = version < FIRST_64_BIT_VERSION ? 0 : data.getUint16(Header.XLOAD_FLAGS, true);
  return {
    // The displacement of the header's jump says how long this kernel's header is.
    bytes: kernel.bytes.subarray(HEADER_START, Math.min(Header.MAGIC + kernel.bytes[Header.JUMP + 1]!, HEADER_END)),
    setupBytes,
    has64BitEntry: (xloadFlags & XLOAD_KERNEL_64) !== 0,
    preferredAddress: Number(data.getBigUint64(Header.PREFERRED_ADDRESS, true)),
    initSize: data.getUint32(Header.INIT_SIZE, true),
    commandLineSize: data.getUint32(Header.COMMAND_LINE_SIZE, true),
    initrdAddressMax: data.getUint32(Header.INITRD_ADDRESS_MAX, true),
  };
}
