// SPDX-License-Identifier: LGPL-2.1-only
import { ModuleFileError } from '../driver_errors.js';

/** How long the top level of a module may take. A worker's watchdog waits longer. */
const TOP_LEVEL_MILLISECONDS = 5000;

function neverEnded(file: string): ModuleFileError {
  const advice = 'await only what comes to its end, or wait where the result is used';
  return new ModuleFileError(`${file}: its top-level await has not come to its end: ${advice}`, file, {
    details: { found: 'a top-level await that does not end', expected: 'a module that is evaluated', advice },
  });
}

/**
 * Waits until a module is evaluated. A top-level await may never end. Node would then end the thread without a word as soon as nothing else is left to
 * do, or would wait for ever.
 *
 * @throws ModuleFileError that names the module; what the module threw
 */
export async function evaluationOf<T>(file: string, evaluation: Promise<T>): Promise<T> {
  let giveUp = (): void => {};
  const never = new Promise<never>((_resolve, reject) => (giveUp = () => reject(neverEnded(file))));
  const timer = setTimeout(giveUp, TOP_LEVEL_MILLISECONDS);
  // The timer does not keep the thread alive, so that Node says when nothing is left to do.
  timer.unref();
  process.once('beforeExit', giveUp);
  try {
    return await Promise.race([evaluation, never]);
  } finally {
    clearTimeout(timer);
    process.off('beforeExit', giveUp);
  }
}
