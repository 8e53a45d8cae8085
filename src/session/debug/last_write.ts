// SPDX-License-Identifier: LGPL-2.1-only
import type { DebuggerStop, Watchpoint } from '../../machine/debug/debugger_stop.js';
import type { Debugger } from './debugger.js';

/** A stop at a watchpoint. */
export type WriteStop = Extract<DebuggerStop, { readonly kind: 'access' | 'structure' | 'machine' }>;

/**
 * Goes back to before the last write of physical memory. Precondition: the run can go back.
 *
 * @returns undefined if nothing has written there since the recording began
 */
export async function lastWrite(debug: Debugger, address: bigint, bytes: number): Promise<WriteStop | undefined> {
  const { stops } = debug;
  const watchpoint: Watchpoint = { space: 'physical', address, bytes, access: 'write' };
  debug.stops = { breakpoints: [], watchpoints: [watchpoint], exits: [] };
  try {
    const stopped = await debug.reverse();
    return stopped.kind === 'met' && isWrite(stopped.stop) ? stopped.stop : undefined;
  } finally {
    debug.stops = stops;
  }
}

const isWrite = (stop: DebuggerStop): stop is WriteStop =>
  stop.kind === 'access' || stop.kind === 'structure' || stop.kind === 'machine';
