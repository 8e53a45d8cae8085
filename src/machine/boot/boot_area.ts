// SPDX-License-Identifier: LGPL-2.1-only
import type { GuestRam } from '../memory/guest_ram.js';
import { BootError } from './boot_error.js';

/** Where the loader puts its own data in low memory. The image may overwrite all of it except the GDT. */
export const BootArea = {
  /** Global descriptor table: in memory that the memory map reserves, since images may be loaded anywhere else. */
  GDT: 0xff000,
  /** Linux' boot parameters ("zero page"), one page. */
  BOOT_PARAMETERS: 0x10000,
  /** The command line, NUL-terminated. */
  COMMAND_LINE: 0x20000,
  /** The maximum length of a command line in bytes, with its NUL. */
  COMMAND_LINE_BYTES: 0x1000,
  /** Page tables: PML4, PDPT, four page directories. */
  PAGE_TABLES: 0x30000,
} as const;

/** Selectors in the loader's GDT, those that Linux' boot protocol asks for. */
export const BootSelector = { CODE: 0x10, DATA: 0x18 } as const;

const GDT_CODE_64 = 0x00af9b000000ffffn;
const GDT_CODE_32 = 0x00cf9b000000ffffn;
const GDT_DATA = 0x00cf93000000ffffn;

const PRESENT_WRITABLE = 0x3n;
const LARGE_PAGE = 0x80n;
const PAGE = 0x1000;
const GIBIBYTES_MAPPED = 4;

/** Quadwords, as bytes. */
const quads = (values: readonly bigint[]): Uint8Array => new Uint8Array(BigUint64Array.from(values).buffer);

/** Bytes of the GDT that `writeGdt` makes. */
export const GDT_BYTES = 32;

/** Writes a GDT with a flat code segment at 10h and a flat data segment at 18h. */
export function writeGdt(ram: GuestRam, mode: 'long' | 'protected'): void {
  const descriptors = new Array<bigint>(GDT_BYTES / 8).fill(0n);
  descriptors[BootSelector.CODE / 8] = mode === 'long' ? GDT_CODE_64 : GDT_CODE_32;
  descriptors[BootSelector.DATA / 8] = GDT_DATA;
  ram.set(quads(descriptors), BootArea.GDT);
}

/** Writes page tables that map the first 4 GiB to themselves in 2-MiB pages. @returns the value for CR3. */
export function writeIdentityPageTables(ram: GuestRam): number {
  const pml4 = BootArea.PAGE_TABLES;
  const pdpt = pml4 + PAGE;
  const directories = pdpt + PAGE;
  const table = (entries: readonly bigint[], at: number): void => ram.set(quads(entries), at);
  const numbered = (count: number, entry: (i: number) => bigint): bigint[] =>
    Array.from({ length: count }, (_, i) => entry(i));
  ram.fill(0, pml4, directories);
  table([BigInt(pdpt) | PRESENT_WRITABLE], pml4);
  table(
    numbered(GIBIBYTES_MAPPED, (i) => BigInt(directories + i * PAGE) | PRESENT_WRITABLE),
    pdpt,
  );
  table(
    numbered(GIBIBYTES_MAPPED * 512, (i) => (BigInt(i) << 21n) | LARGE_PAGE | PRESENT_WRITABLE),
    directories,
  );
  return pml4;
}

/**
 * Writes a command line in UTF-8, with a NUL behind it.
 * @param kernel the kernel's name, for the error.
 * @param maximum bytes that the kernel accepts.
 * @returns its address. @throws BootError if it is longer: a guest must not run with a truncated command line.
 */
export function writeCommandLine(ram: GuestRam, text: string, kernel: string, maximum = Infinity): number {
  const bytes = new TextEncoder().encode(text);
  const most = Math.min(maximum, BootArea.COMMAND_LINE_BYTES - 1);
  if (bytes.length > most) {
    throw new BootError(`the command line (--append) has ${bytes.length} bytes; ${kernel} takes at most ${most}`, {
      details: { where: '--append', found: `${bytes.length} bytes`, expected: `at most ${most} bytes` },
    });
  }
  ram.set([...bytes, 0], BootArea.COMMAND_LINE);
  return BootArea.COMMAND_LINE;
}
