// SPDX-License-Identifier: LGPL-2.1-only
import type { BindingRecord } from './binding_record.js';
import { baseOf, injectionsOf, type PartClass } from './injections.js';
import { ConstructorError, MissingDecoratorError } from './load_errors.js';

/** The nearest class above `type` with an injection that `type` did not take over, and that property. */
function lostInjection(type: PartClass): { readonly base: PartClass; readonly property: string } | undefined {
  const own = new Set(injectionsOf(type).properties.map((injection) => injection.property));
  for (let base = baseOf(type); base !== undefined; base = baseOf(base)) {
    const lost = injectionsOf(base).properties.find((injection) => !own.has(injection.property));
    if (lost !== undefined) return { base, property: lost.property };
  }
  return undefined;
}

/**
 * Checks that a bound class gets what its bases inject and needs nothing in its constructor.
 *
 * @throws MissingDecoratorError, ConstructorError.
 */
export function checkClass(record: BindingRecord): void {
  if (record.target.kind !== 'class') return;
  const { type } = record.target;
  const lost = lostInjection(type);
  if (lost !== undefined) {
    throw new MissingDecoratorError(
      `${record.file}: class ${type.name} would not get '${lost.property}', which ${lost.base.name} injects: put @extension() before the class (and before each class between the two)`,
      [record.file],
    );
  }
  if (injectionsOf(type).constructorArguments > 0 || type.length > 0) {
    throw new ConstructorError(
      `${record.file}: the constructor of ${type.name} takes arguments; inject into properties, so that a base may get new ones without breaking subclasses`,
      [record.file],
    );
  }
}
