// SPDX-License-Identifier: LGPL-2.1-only
import { UsageError } from '../failures/usage_error.js';

const MEBIBYTE = 2 ** 20;
/** The smallest and the largest guest RAM: 3072M fit below the PCI hole. */
export const MEMORY_LIMITS = { smallest: 16 * MEBIBYTE, largest: 3072 * MEBIBYTE } as const;

const UNITS: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** Reads `512M`, `1G`, `65536K`. @returns bytes. @throws UsageError if it is not a size from 16M to 3072M. */
export function parseMemorySize(text: string): number {
  const match = /^(\d+)([KMGT])(?:i?B)?$/i.exec(text);
  if (match === null) throw UsageError.ofOption('--memory', text, 'a whole number and a unit, such as 512M or 1G');
  const bytes = Number(match[1]) * UNITS[match[2]!.toUpperCase()]!;
  if (bytes < MEMORY_LIMITS.smallest || bytes > MEMORY_LIMITS.largest) {
    throw new UsageError(`--memory ${text} is outside 16M … 3072M, the memory that the simulated PC can have`, {
      details: { where: '--memory', found: text, expected: '16M … 3072M' },
    });
  }
  if (bytes % MEBIBYTE !== 0) throw UsageError.ofOption('--memory', text, 'a whole number of mebibytes');
  return bytes;
}
