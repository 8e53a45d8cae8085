// SPDX-License-Identifier: LGPL-2.1-only
// Little-endian numbers and texts, as firmware tables have them.

/** A number in so many bytes. It may have up to 53 bits. */
export const bytesOf = (value: number, size: number): number[] =>
  Array.from({ length: size }, (_, i) => Math.floor(value / 2 ** (8 * i)) & 0xff);
export const word = (value: number): number[] => bytesOf(value, 2);
export const double = (value: number): number[] => bytesOf(value, 4);
export const quad = (value: number): number[] => bytesOf(value, 8);
export const ascii = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0));

/** The byte that makes a sum of bytes 0. */
export function checksum(bytes: readonly number[]): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}
