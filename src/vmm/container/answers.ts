// SPDX-License-Identifier: LGPL-2.1-only
import { ContributionError } from '../errors.js';
import type { Contribution } from './contribution.js';
import { isThenable } from '../support/thenable.js';

/** The name of an answer, for the message. */
const nameOf = (answer: unknown): string => (isThenable(answer) ? 'a Promise' : String(answer));

/**
 * A contribution's answer to "is it handled?". Users' files are not type-checked when they are loaded: an async method's Promise would count as
 * handled, and the guest would execute the same instruction for ever.
 *
 * @throws ContributionError for anything but true and false.
 */
export function isHandled(answer: unknown, contribution: Contribution, method: string): boolean {
  if (typeof answer === 'boolean') return answer;
  throw new ContributionError(
    `${method}() of the contribution '${contribution.name}' must return true (handled) or false (the next one is asked), but it returned ${nameOf(answer)}: ` +
      (isThenable(answer) ? 'a VM exit cannot wait, make the method synchronous' : 'add the return'),
  );
}

/**
 * A contribution's answer to a read: the value, or undefined.
 *
 * @throws ContributionError for a value of another type.
 */
export function valueRead<T extends 'bigint' | 'number'>(
  answer: unknown,
  type: T,
  contribution: Contribution,
  method: string,
): (T extends 'bigint' ? bigint : number) | undefined {
  if (answer === undefined || typeof answer === type)
    return answer as (T extends 'bigint' ? bigint : number) | undefined;
  throw new ContributionError(
    `${method}() of the contribution '${contribution.name}' must return a ${type}, or undefined (the next one is asked), but it returned ${nameOf(answer)}` +
      (isThenable(answer) ? ': a VM exit cannot wait, make the method synchronous' : ` (${typeof answer})`),
  );
}

/**
 * What a contribution's method without an answer returned. The Promise of an async method would be lost together with its rejection, and the rest
 * of the method would run at an unknown time.
 *
 * @returns the answer. @throws ContributionError for a Promise
 */
export function nothingToWaitFor<T>(answer: T, contribution: Pick<Contribution, 'name'>, method: string): T {
  if (!isThenable(answer)) return answer;
  throw new ContributionError(
    `${method}() of the contribution '${contribution.name}' returned a Promise: nobody waits for it, make the method synchronous`,
  );
}

/** A handler of the base returns nothing. The Promise of an async override would be lost while the guest goes on. @throws ContributionError */
export function refusePromise(answer: unknown, handler: string): void {
  if (isThenable(answer))
    throw new ContributionError(`${handler} returned a Promise: a VM exit cannot wait, make the handler synchronous`);
}
