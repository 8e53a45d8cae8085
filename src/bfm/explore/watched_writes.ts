// SPDX-License-Identifier: LGPL-2.1-only
import type { WatchedBytes } from '../../session/explore/scheduled_run.js';
import { UsageError } from '../failures/usage_error.js';

const text = /^(0x[0-9a-fA-F]{1,16}|\d{1,19})(?:,(\d{1,9}))?$/;
/** A word of 64 bits. */
const BYTES = 8;

/** A value of `--watch-writes`: a physical address, and the number of bytes behind a comma. @throws UsageError */
export function parseWatchedWrites(value: string): WatchedBytes {
  const [, address, count = String(BYTES)] = text.exec(value) ?? [];
  const bytes = Number(count);
  if (address === undefined || bytes < 1)
    throw UsageError.ofOption('--watch-writes', value, "a physical address as in 0x1000, or '0x1000,64' for 64 bytes");
  return { address: BigInt(address), bytes };
}
