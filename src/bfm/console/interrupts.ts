// SPDX-License-Identifier: LGPL-2.1-only
// Imports nothing but the status: it is loaded before everything else, so that a Ctrl-C never ends bfm without a word.
import { ExitStatus } from '../failures/exit_status.js';

type Handler = () => void;

/** Ends bfm and says so. */
function endWith(text: string): Handler {
  return () => {
    process.stderr.write(`bfm: ${text}\n`);
    process.exit(ExitStatus.Interrupted);
  };
}

let current: Handler = endWith('interrupted before the command began');

/** From now on Ctrl-C and SIGTERM are handled here. This replaces the launcher's handler. */
export function listenForInterrupts(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.removeAllListeners(signal);
    process.on(signal, () => current());
  }
}

/** A command has begun. If it does not handle interrupts itself, an interrupt ends it. */
export function commandBegins(name: string): void {
  current = endWith(`${name} was interrupted`);
}

/** Lets `handler` decide what an interrupt does until `work` is done. */
export async function whileInterruptsGoTo<T>(handler: Handler, work: () => Promise<T>): Promise<T> {
  const before = current;
  current = handler;
  try {
    return await work();
  } finally {
    current = before;
  }
}
