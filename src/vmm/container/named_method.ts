// SPDX-License-Identifier: LGPL-2.1-only
// A call that waits is data: the name of a contribution, the name of its method, and an argument. A closure could not be put into a snapshot.
import { ContributionError } from '../errors.js';
import { nothingToWaitFor } from './answers.js';
import type { Contribution } from './contribution.js';

/** An object with a method of the name `M`, which takes one argument. */
export type NamedMethod<M extends string, A> = Readonly<Record<M, (argument: A) => void>>;

/** @param what asks for the call, for the message: `a step`. @throws ContributionError if there is no such method */
export function refuseMissingMethod(contribution: Contribution, method: string, what: string): void {
  if (typeof methodOf(contribution, method) === 'function') return;
  throw new ContributionError(
    `'${contribution.name}' asks for ${what} that calls its method ${method}, but it has none`,
  );
}

/** Calls a method that `refuseMissingMethod` has let pass. @throws what the method throws; ContributionError for a Promise */
export function callMethod(contribution: Contribution, method: string, argument: unknown): void {
  const body = methodOf(contribution, method) as (argument: unknown) => unknown;
  nothingToWaitFor(body.call(contribution, argument), contribution, method);
}

function methodOf(contribution: Contribution, method: string): unknown {
  return (contribution as unknown as Readonly<Record<string, unknown>>)[method];
}
