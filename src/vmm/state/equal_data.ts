// SPDX-License-Identifier: LGPL-2.1-only

/** Objects that are equal only to themselves. */
type IsAtom = (value: object) => boolean;

const tagOf = (value: object): string => Object.prototype.toString.call(value).slice('[object '.length, -1);

/** Whether the content of an object can be seen. That of a WeakMap, a Promise or a DataView cannot. */
export function contentIsSeen(value: object): boolean {
  if (ArrayBuffer.isView(value)) return !(value instanceof DataView);
  return /^(Object|Array|Map|Set|Date|ArrayBuffer|Error)$/.test(tagOf(value));
}

/** What an object holds, in order. */
function contentOf(value: object): ArrayLike<unknown> {
  if (ArrayBuffer.isView(value)) return value as Uint8Array;
  if (value instanceof Map || value instanceof Set) return [...value.entries()].flat();
  if (value instanceof Date) return [value.getTime()];
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return Object.entries(value).flat();
}

/**
 * Whether two values are equal as data: of the same classes, with the same content in the same order. Functions, objects whose content cannot be
 * seen, and atoms are equal only to themselves. Cycles are followed once.
 */
export function equalData(a: unknown, b: unknown, isAtom: IsAtom = () => false): boolean {
  return equal(a, b, { isAtom, seen: new Map() });
}

interface Comparison {
  readonly isAtom: IsAtom;
  /** What is being compared, with what. */
  readonly seen: Map<object, object>;
}

function equal(a: unknown, b: unknown, comparison: Comparison): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (comparison.seen.get(a) === b) return true;
  comparison.seen.set(a, b);
  return isComparable(a, b, comparison) && haveEqualContent(a, b, comparison);
}

function isComparable(a: object, b: object, { isAtom }: Comparison): boolean {
  if (isAtom(a) || isAtom(b) || !contentIsSeen(a)) return false;
  return Object.getPrototypeOf(a) === Object.getPrototypeOf(b);
}

function haveEqualContent(a: object, b: object, comparison: Comparison): boolean {
  const [one, other] = [contentOf(a), contentOf(b)];
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (!equal(one[at], other[at], comparison)) return false;
  return true;
}
