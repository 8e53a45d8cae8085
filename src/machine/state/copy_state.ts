// SPDX-License-Identifier: LGPL-2.1-only

/** A copy of a device's state: numbers, strings, booleans, null, lists and objects. `structuredClone` takes several times as long. */
export function copyState<T>(state: T): T {
  if (typeof state !== 'object' || state === null) return state;
  if (Array.isArray(state)) return copyList(state) as T;
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(state)) copy[name] = copyState((state as Record<string, unknown>)[name]);
  return copy as T;
}

/** Most lists are of numbers. */
function copyList(list: readonly unknown[]): unknown[] {
  return typeof list[0] === 'object' ? list.map((each) => copyState(each)) : list.slice();
}
