// SPDX-License-Identifier: LGPL-2.1-only
import { MEMORY_LIMITS } from '../../machine/boot/memory_map.js';
import { UsageError } from '../failures/usage_error.js';

const MEBIBYTE = 2 ** 20;
/** For messages and the help text. */
export const MEMORY_RANGE = `${MEMORY_LIMITS.smallest / MEBIBYTE}M … ${MEMORY_LIMITS.largest / MEBIBYTE}M`;

const UNITS: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** Reads `512M`, `1G`, `65536K`. @returns bytes. @throws UsageError */
export function parseSize(option: string, text: string): number {
  const match = /^(\d+)([KMGT])(?:i?B)?$/i.exec(text);
  if (match === null) throw UsageError.ofOption(option, text, 'a whole number and a unit, such as 512M or 1G');
  return Number(match[1]) * UNITS[match[2]!.toUpperCase()]!;
}

/** The memory of a machine. @returns bytes. @throws UsageError if it is not a size from 16M to 3072M. */
export function parseMemorySize(text: string): number {
  const bytes = parseSize('--memory', text);
  if (bytes < MEMORY_LIMITS.smallest || bytes > MEMORY_LIMITS.largest) {
    throw new UsageError(`--memory ${text} is outside ${MEMORY_RANGE}, the memory that the simulated PC can have`, {
      details: { where: '--memory', found: text, expected: MEMORY_RANGE },
    });
  }
  if (bytes % MEBIBYTE !== 0) throw UsageError.ofOption('--memory', text, 'a whole number of mebibytes');
  return bytes;
}
