// SPDX-License-Identifier: LGPL-2.1-only
import { injectable, injectFromBase } from 'inversify';
import { baseOf, type PartClass } from './injections.js';

/**
 * Class decorator for what users write: makes the class injectable and lets it inherit what its base injects, which Inversify alone does
 * not do. A subclass of a framework class without it is a load error.
 */
export function extension(): (type: PartClass) => void {
  return (type) => {
    injectable()(type);
    if (baseOf(type) !== undefined) {
      injectFromBase({ extendProperties: true, extendConstructorArguments: true })(type);
    }
  };
}
