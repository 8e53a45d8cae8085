// SPDX-License-Identifier: LGPL-2.1-only
// Memory with the ORC tables of a made-up kernel.
import type { OrcKind } from '../../../src/machine/symbols/orc_tables.js';

/** From physical to virtual addresses. */
export const BASE = 0xffff_ffff_8000_0000n;
const PLACES = 0x1000;
const ENTRIES = 0x2000;
/** Where the code is of which the tables tell. */
export const TEXT = BASE + 0x4000n;

/** What holds from a place in the code on. */
export interface MadeEntry {
  readonly start: number;
  readonly kind: OrcKind;
  readonly stack: readonly [register: number, offset: number];
  readonly base: readonly [register: number, offset: number];
}

const kinds: readonly OrcKind[] = ['call', 'registers', 'interrupt frame'];

/** @param isNew the format from Linux 6.4 on */
export function orcImage(entries: readonly MadeEntry[], isNew: boolean): Uint8Array {
  const bytes = new Uint8Array(0x5000);
  const data = new DataView(bytes.buffer);
  entries.forEach(({ start, kind, stack, base }, i) => {
    const place = PLACES + 4 * i;
    data.setInt32(place, 0x4000 + start - place, true);
    const at = ENTRIES + 6 * i;
    data.setInt16(at, stack[1], true);
    data.setInt16(at + 2, base[1], true);
    data.setUint8(at + 4, stack[0] | (base[0] << 4));
    data.setUint8(at + 5, kinds.indexOf(kind) + (isNew ? 2 : 0));
  });
  return bytes;
}

/** The addresses of the names. */
export function addressOfTable(count: number): (name: string) => bigint | undefined {
  const addresses: Readonly<Record<string, number>> = {
    __start_orc_unwind_ip: PLACES,
    __stop_orc_unwind_ip: PLACES + 4 * count,
    __start_orc_unwind: ENTRIES,
    __stop_orc_unwind: ENTRIES + 6 * count,
  };
  return (name) => (addresses[name] === undefined ? undefined : BASE + BigInt(addresses[name]));
}
