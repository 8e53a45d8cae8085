// SPDX-License-Identifier: LGPL-2.1-only
import { declarationOf } from '../../intrinsics/component.js';
import type { Contribution } from './contribution.js';
import { nameOf, type PartIdentifier } from './injections.js';

/**
 * The name of a part in a saved state, which is the same in every container of the same modules, wherever their files are: the component's symbol,
 * the point and the contribution's name, or the name of a class that is its own identifier.
 */
export function partName(identifier: PartIdentifier, part: unknown): string {
  if (typeof identifier !== 'symbol') return `class ${nameOf(identifier)}`;
  const isContribution = declarationOf(identifier)?.arity === 'many';
  return isContribution ? `${nameOf(identifier)}: ${(part as Contribution).name}` : nameOf(identifier);
}

/** Adds a part by its name. Several modules may have classes of one name: they are numbered in the order in which they are bound. */
export function addNamed<T>(parts: Map<string, T>, name: string, part: T): void {
  let unique = name;
  for (let number = 2; parts.has(unique); number++) unique = `${name} (${number})`;
  parts.set(unique, part);
}
