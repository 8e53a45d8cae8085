// SPDX-License-Identifier: LGPL-2.1-only
import inspector from 'node:inspector';
import { BareflankError } from '../../intrinsics/errors.js';
import type { InspectAddress } from '../options/inspect_address.js';

/** Closes the inspector of a thread, for the main thread of a run: the thread does not end otherwise, once anybody has asked its debugger. */
export const CLOSE_INSPECTOR = Symbol.for('bareflank.closeInspector');

/**
 * Opens the inspector of this thread, to which VS Code and Chrome DevTools connect. While they hold the thread, its guest waits.
 *
 * @returns closes it, and hangs up. A thread with a debugger does not end. @throws BareflankError if it cannot listen
 */
export function openInspector({ host, port, waits }: InspectAddress): Disposable {
  // Node prints where it listens, or why not.
  inspector.open(port, host);
  if (inspector.url() === undefined)
    throw new BareflankError(`the inspector cannot listen on ${host}:${port}`, {
      details: {
        where: '--inspect',
        found: `${host}:${port}`,
        expected: 'a port that is free',
        advice: 'give another port, or 0 for any',
      },
    });
  Object.defineProperty(globalThis, CLOSE_INSPECTOR, { value: () => inspector.close(), configurable: true });
  if (waits) inspector.waitForDebugger();
  return { [Symbol.dispose]: () => inspector.close() };
}
