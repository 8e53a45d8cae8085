// SPDX-License-Identifier: LGPL-2.1-only

/** Bytes of a value that are not its content, about. */
const OVERHEAD = 16;

/** How much memory plain data takes, about: what counts are the arrays of bytes and words. */
export function dataBytes(value: unknown): number {
  if (ArrayBuffer.isView(value)) return value.byteLength + OVERHEAD;
  if (typeof value === 'string') return value.length + OVERHEAD;
  if (typeof value !== 'object' || value === null) return OVERHEAD;
  const parts = value instanceof Map ? [...value.entries()].flat() : Object.values(value);
  return parts.reduce<number>((sum, part) => sum + dataBytes(part), OVERHEAD);
}
