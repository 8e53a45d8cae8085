// SPDX-License-Identifier: LGPL-2.1-only
import { injectable, injectFromBase } from 'inversify';
import { baseOf, type PartClass } from './injections.js';

/** Abstract classes between the base and a part inherit injections, too. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the shape that TypeScript wants for "any class"
type AnyClass = abstract new (...args: any[]) => unknown;

/**
 * Class decorator for users' classes. It makes the class injectable, and lets it inherit what its base injects, which Inversify alone does not do.
 * A subclass of a framework class without it is a load error.
 */
export function extension(): (type: AnyClass) => void {
  return (type) => {
    injectable()(type);
    if (baseOf(type as PartClass) !== undefined) {
      injectFromBase({ extendProperties: true, extendConstructorArguments: true })(type);
    }
  };
}
