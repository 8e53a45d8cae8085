// SPDX-License-Identifier: LGPL-2.1-only

/**
 * Linear memory that a case sees, the same natively (native/oracle.c) and in the simulated machine: a read-and-execute region of code, two
 * writable pages of data and a read-only one after them; everything else faults.
 */
export const MemoryMap = {
  code: 0x11000000,
  codeBytes: 0x10000,
  /** Bytes of code that belong to one case; its instructions begin at slotStart. */
  slotBytes: 0x200,
  slotStart: 0x100,
  data: 0x12000000,
  writableBytes: 0x2000,
  dataBytes: 0x3000,
  /** Offset in the data of the 256 bytes that each case brings along; they lie across the border of the two pages. */
  window: 0xf80,
  windowBytes: 0x100,
  /** GS.base. FS is not used: natively it belongs to the C library. */
  gsBase: 0x12000800,
  codeSelector: 0x33,
  stackSelector: 0x2b,
} as const;

/** What code memory is filled with: INT3, so that every wrong turn is an exception whose address tells where it went. */
export const FILLER = 0xcc;

/** The data pages before a case: a linear congruential sequence, as in native/oracle.c. */
export function initialData(seed: number): Uint8Array {
  const bytes = new Uint8Array(MemoryMap.dataBytes);
  let x = seed >>> 0;
  for (let i = 0; i < bytes.length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    bytes[i] = x >>> 24;
  }
  return bytes;
}
