// SPDX-License-Identifier: LGPL-2.1-only
import { exitReasonName } from '../../intrinsics/vmx/exit_reasons.js';
import type { RunControl } from './run_control.js';

const nameOf = (handler: string): string =>
  handler === 'ExitHandlerIntelX64' ? 'the base exit handler' : `extension ${handler}`;

/** Says which handler of which VM exit the worker is in. @param handlers their names. @returns undefined if it is in none. */
export function hangingHandler({ exitReason, handler }: RunControl, handlers: readonly string[]): string | undefined {
  if (exitReason === 0) return undefined;
  const who = handler === 0 ? 'the VMM' : nameOf(handlers[handler - 1] ?? `number ${handler}`);
  return `${who} did not return from exit ${exitReason - 1} (${exitReasonName(exitReason - 1)})`;
}
