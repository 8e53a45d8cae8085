// SPDX-License-Identifier: LGPL-2.1-only
import { MEMORY_LIMITS } from './memory_map.js';

const MEBIBYTE = 2 ** 20;
/** A guest that has just the bytes of its image can begin, but soon needs some more. */
const SPARE_BYTES = 16 * MEBIBYTE;

/** A size as people type it. */
const typed = (bytes: number): string => `${Math.ceil(bytes / MEBIBYTE)}M`;

/**
 * What to do if an image does not fit into memory.
 * @param end the first byte above all that must be loaded.
 * @returns a `--memory` that is enough, or, if no machine has that much, the limit.
 */
export function memoryAdvice(end: number): string {
  const { largest } = MEMORY_LIMITS;
  if (end > largest) return `the simulated PC has at most ${typed(largest)} of memory, so this cannot be loaded`;
  return `use --memory ${typed(Math.min(end + SPARE_BYTES, largest))} or more`;
}
