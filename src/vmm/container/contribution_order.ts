// SPDX-License-Identifier: LGPL-2.1-only
import { checkPlace, type NamedContribution } from './contribution_members.js';
import { ContributionOrderError } from './load_errors.js';

/** The names that must come before each name. */
type Predecessors = Map<string, Set<string>>;

function byName<T extends NamedContribution>(point: string, entries: readonly T[]): Map<string, T> {
  const result = new Map<string, T>();
  for (const entry of entries) {
    checkPlace(point, entry);
    const { name } = entry.contribution;
    const other = result.get(name);
    if (other !== undefined) {
      throw new ContributionOrderError(
        `two contributions to ${point} are named '${name}': in ${other.file} and ${entry.file}`,
        [other.file, entry.file],
      );
    }
    result.set(name, entry);
  }
  return result;
}

function predecessorsOf<T extends NamedContribution>(point: string, named: ReadonlyMap<string, T>): Predecessors {
  const result: Predecessors = new Map([...named.keys()].map((name) => [name, new Set<string>()]));
  const known = (entry: T, other: string): string => {
    if (named.has(other)) return other;
    throw new ContributionOrderError(
      `${entry.file}: '${entry.contribution.name}' has a place relative to '${other}', but no contribution to ${point} has that name; there are ${[...named.keys()].sort().join(', ')}`,
      [entry.file],
    );
  };
  for (const [name, entry] of named) {
    for (const other of entry.contribution.before ?? []) result.get(known(entry, other))!.add(name);
    for (const other of entry.contribution.after ?? []) result.get(name)!.add(known(entry, other));
  }
  return result;
}

/**
 * Sorts contributions: each after all that it must follow, and among those that are free, the smallest name first.
 *
 * @param point the contribution point's name, for errors.
 * @throws ContributionOrderError for a cycle, an unknown name, a missing name or two equal ones.
 */
export function orderContributions<T extends NamedContribution>(point: string, entries: readonly T[]): T[] {
  const named = byName(point, entries);
  const waiting = predecessorsOf(point, named);
  const result: T[] = [];
  while (waiting.size > 0) {
    const next = [...waiting.keys()].filter((name) => waiting.get(name)!.size === 0).sort()[0];
    if (next === undefined) {
      const names = [...waiting.keys()].sort();
      const files = names.map((name) => named.get(name)!.file);
      throw new ContributionOrderError(
        `the order of ${names.map((name) => `'${name}' (${named.get(name)!.file})`).join(', ')} at ${point} is circular: check their before and after`,
        files,
      );
    }
    waiting.delete(next);
    for (const before of waiting.values()) before.delete(next);
    result.push(named.get(next)!);
  }
  return result;
}
