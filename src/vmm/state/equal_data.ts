// SPDX-License-Identifier: LGPL-2.1-only

const tagOf = (value: object): string => Object.prototype.toString.call(value).slice('[object '.length, -1);

/** What an object holds, in order; undefined if it cannot be seen: of a WeakMap, a Promise, a function. */
function contentOf(value: object): unknown[] | undefined {
  if (value instanceof Map || value instanceof Set) return [...value.entries()].flat();
  if (value instanceof Date) return [value.getTime()];
  if (value instanceof ArrayBuffer) return [...new Uint8Array(value)];
  const isSeen = /^(Object|Array|Error|Arguments)$/.test(tagOf(value)) || ArrayBuffer.isView(value);
  return isSeen && !(value instanceof DataView) ? Object.entries(value).flat() : undefined;
}

/**
 * Whether two values are equal as data: of the same classes, with the same content in the same order. An object whose content cannot be seen is equal
 * only to itself. Cycles are followed once.
 */
export function equalData(a: unknown, b: unknown): boolean {
  return equal(a, b, new Map());
}

function equal(a: unknown, b: unknown, seen: Map<unknown, unknown>): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (seen.get(a) === b) return true;
  seen.set(a, b);
  return Object.getPrototypeOf(a) === Object.getPrototypeOf(b) && haveEqualContent(a, b, seen);
}

function haveEqualContent(a: object, b: object, seen: Map<unknown, unknown>): boolean {
  const [one, other] = [contentOf(a), contentOf(b)];
  if (one === undefined || other?.length !== one.length) return false;
  return one.every((each, at) => equal(each, other[at], seen));
}
