// SPDX-License-Identifier: LGPL-2.1-only
import { Constants } from '../../src/machine/layout/core_constants.js';
import { Layout } from '../../src/machine/layout/layout.js';

/** The views of a core's memory that set-up needs. */
export interface CoreMemory {
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly u64: BigUint64Array;
}

/** Access rights in the VMCS's format (SDM 3C "Guest Segment Registers"). */
export const Rights = {
  /** Accessed code, readable, 64-bit. */
  code64: 0xa09b,
  /** Accessed code, readable, 32-bit, 4-KiB granularity. */
  code32: 0xc09b,
  /** Accessed code, readable, 16-bit, byte granularity. */
  code16: 0x009b,
  /** Accessed data, writable, 32-bit, 4-KiB granularity. */
  data32: 0xc093,
  /** Accessed data, writable, 16-bit, byte granularity. */
  data16: 0x0093,
  busyTss64: 0x008b,
  busyTss32: 0x008b,
  unusable: 0x10000,
  user: 0x60,
} as const;

/** Loads a segment register with everything hidden; `index` as in Constants.ES … TR. */
export function setSegment(
  core: CoreMemory,
  index: number,
  selector: number,
  base: number | bigint,
  limit: number,
  rights: number,
): void {
  core.u64[(Layout.ES_BASE + index * 8) / 8] = BigInt(base);
  core.u32[(Layout.ES_SELECTOR + index * 4) / 4] = selector;
  core.u32[(Layout.ES_LIMIT + index * 4) / 4] = limit >>> 0;
  core.u32[(Layout.ES_RIGHTS + index * 4) / 4] = rights;
}

/** Writes a 64-bit word of the processor block. */
export function setWord(core: CoreMemory, name: keyof typeof Layout, value: bigint | number): void {
  core.u64[Layout[name] / 8] = BigInt.asUintN(64, BigInt(value));
}

/** A GDT descriptor of 8 bytes. `rights` as in Rights. */
export function descriptor(base: number, limit: number, rights: number): bigint {
  const units = rights & 0x8000 ? limit >>> 12 : limit;
  return (
    BigInt(units & 0xffff) |
    (BigInt(base & 0xffffff) << 16n) |
    (BigInt(rights & 0xff) << 40n) |
    (BigInt((units >>> 16) & 15) << 48n) |
    (BigInt((rights >> 12) & 15) << 52n) |
    (BigInt(base >>> 24) << 56n)
  );
}

/** An interrupt gate of 8 bytes (protected mode). */
export function gate32(selector: number, offset: number, dpl = 0): bigint {
  return (
    BigInt(offset & 0xffff) |
    (BigInt(selector) << 16n) |
    (BigInt(0x8e | (dpl << 5)) << 40n) |
    (BigInt(offset >>> 16) << 48n)
  );
}

/** The two halves of an interrupt gate of 16 bytes (IA-32e mode). `ist`: 0 none, 1–7. */
export function gate64(selector: number, offset: bigint, ist = 0, dpl = 0): [bigint, bigint] {
  const low =
    (offset & 0xffffn) |
    (BigInt(selector) << 16n) |
    (BigInt(ist) << 32n) |
    (BigInt(0x8e | (dpl << 5)) << 40n) |
    (((offset >> 16n) & 0xffffn) << 48n);
  return [low, offset >> 32n];
}

/** Flags of a page-table entry. */
export const Page = { present: 1n, writable: 2n, user: 4n, noExecute: 1n << 63n } as const;

/** Page tables of 4-level paging, built in physical memory from `first` on. */
export class PageTables {
  private next: number;

  /** @param first physical address of the root; tables follow it. */
  constructor(
    private readonly core: CoreMemory,
    private readonly first: number,
  ) {
    this.next = first + 0x1000;
  }

  /** Value for CR3. */
  get root(): number {
    return this.first;
  }

  /** Maps one page of 4 KiB; the upper levels allow everything. */
  map(linear: bigint, physical: number, flags: bigint): void {
    let table = this.first;
    for (let level = 3; level > 0; level--) {
      const at = (Layout.RAM + table + Number((linear >> BigInt(12 + 9 * level)) & 511n) * 8) / 8;
      const entry = this.core.u64[at]!;
      if (entry & Page.present) table = Number(entry & 0xffffffffff000n);
      else {
        this.core.u64[at] = BigInt(this.next) | Page.present | Page.writable | Page.user;
        table = this.next;
        this.next += 0x1000;
      }
    }
    this.core.u64[(Layout.RAM + table + Number((linear >> 12n) & 511n) * 8) / 8] = BigInt(physical) | flags;
  }
}

/** EFER bits SCE, LME, LMA, NXE. */
export const EFER_LONG = 0xd01n;
/** CR0: PE MP ET NE WP AM PG. */
export const CR0_PAGED = 0x80050033n;
/** CR4: PAE, OSFXSR, OSXMMEXCPT. */
export const CR4_LONG = 0x620n;

/** Number of a segment register in layout order. */
export const Segment = {
  ES: Constants.ES,
  CS: Constants.CS,
  SS: Constants.SS,
  DS: Constants.DS,
  FS: Constants.FS,
  GS: Constants.GS,
  LDTR: Constants.LDTR,
  TR: Constants.TR,
} as const;
