// SPDX-License-Identifier: LGPL-2.1-only

/** An entry of a cpio archive. */
export interface CpioEntry {
  readonly mode: number;
  readonly content: Buffer;
}

const HEADER = 110;
const align = (at: number): number => Math.ceil(at / 4) * 4;

/** Reads an archive of the "new ASCII" format. @returns its entries by name, in their order */
export function readCpio(archive: Buffer): Map<string, CpioEntry> {
  const entries = new Map<string, CpioEntry>();
  for (let at = 0; ;) {
    if (archive.toString('latin1', at, at + 6) !== '070701') throw new Error(`no header at ${at}`);
    const field = (index: number): number =>
      parseInt(archive.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16);
    const name = archive.toString('utf8', at + HEADER, at + HEADER + field(11) - 1);
    if (name === 'TRAILER!!!') return entries;
    const start = align(at + HEADER + field(11));
    entries.set(name, { mode: field(1), content: archive.subarray(start, start + field(6)) });
    at = align(start + field(6));
  }
}
