// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';
import { FaultsError } from '../failures/faults_error.js';

/** One check each, by the name of its value. */
type Checks<T> = { readonly [Name in keyof T]: () => T[Name] };

/** What is wrong, of an error that may be several. */
const faultsOf = (error: BareflankError): readonly BareflankError[] =>
  error instanceof FaultsError ? error.faults : [error];

/**
 * Makes all checks of a command line, so that a user learns of all faults at once.
 *
 * @returns the values of the checks.
 * @throws the error, if one check fails; FaultsError if several fail. An error that is no BareflankError comes through at once.
 */
export function checkAll<T extends object>(checks: Checks<T>): T {
  const values: Partial<T> = {};
  const faults: BareflankError[] = [];
  for (const name of Object.keys(checks) as (keyof T)[])
    try {
      values[name] = checks[name]();
    } catch (error) {
      if (!(error instanceof BareflankError)) throw error;
      faults.push(...faultsOf(error));
    }
  const [first, ...others] = faults.filter(
    ({ message }, at) => faults.findIndex((other) => other.message === message) === at,
  );
  if (first === undefined) return values as T;
  throw others.length === 0 ? first : new FaultsError([first, ...others]);
}

/** Checks each element of a list. @returns the values @throws as `checkAll` */
export function checkEach<E, T>(list: readonly E[], check: (element: E) => T): T[] {
  return Object.values(
    checkAll<Record<string, T>>(Object.fromEntries(list.map((each, at) => [at, () => check(each)]))),
  );
}
