// SPDX-License-Identifier: LGPL-2.1-only
import { Layout } from '../layout/layout.js';

/** The words of the machine in which the core writes down what reports say, and their sizes in bytes. */
const regions: readonly (readonly [address: number, bytes: number])[] = [
  [Layout.UNIMPLEMENTED, 4],
  [Layout.UNDEFINED, Layout.MSRS_ANNOUNCED - Layout.UNDEFINED],
  [Layout.EVENT_CHAIN, Layout.BOUNCE - Layout.EVENT_CHAIN],
];

/** Sizes of the parts. */
export const reportRecordBytes = regions.map(([, bytes]) => bytes);

export function saveReportRecords(u8: Uint8Array): Uint8Array[] {
  return regions.map(([address, bytes]) => u8.slice(address, address + bytes));
}

export function restoreReportRecords(u8: Uint8Array, records: readonly Uint8Array[]): void {
  regions.forEach(([address], i) => u8.set(records[i]!, address));
}
