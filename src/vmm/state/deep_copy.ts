// SPDX-License-Identifier: LGPL-2.1-only
// Copies of values of any kind, to find out later whether a value has changed.
import { contentIsSeen } from './equal_data.js';

/**
 * Copies a value with all that it leads to. Functions, objects whose content cannot be seen, and atoms stay themselves.
 *
 * @param isAtom of objects that have their own place, such as other parts.
 */
export function deepCopy(value: unknown, isAtom: (value: object) => boolean): unknown {
  return copied(value, isAtom, new Map());
}

function copied(value: unknown, isAtom: (value: object) => boolean, made: Map<object, object>): unknown {
  if (typeof value !== 'object' || value === null || isAtom(value) || !contentIsSeen(value)) return value;
  const known = made.get(value);
  if (known !== undefined) return known;
  const copy = emptyLike(value);
  made.set(value, copy);
  const each = (inner: unknown): unknown => copied(inner, isAtom, made);
  if (value instanceof Map)
    for (const [key, inner] of value) (copy as Map<unknown, unknown>).set(each(key), each(inner));
  else if (value instanceof Set) for (const inner of value) (copy as Set<unknown>).add(each(inner));
  else if (!isBytes(value)) for (const key of Object.keys(value)) define(copy, key, each(Reflect.get(value, key)));
  return copy;
}

const isBytes = (value: object): boolean => ArrayBuffer.isView(value) || value instanceof ArrayBuffer;

/** An object of the same class with the same bytes or date, and no entries yet. */
function emptyLike(value: object): object {
  if (isBytes(value)) return (value as Uint8Array).slice();
  if (Array.isArray(value)) return [];
  if (value instanceof Date)
    return Object.setPrototypeOf(new Date(value), Object.getPrototypeOf(value) as object | null) as object;
  const made = value instanceof Map ? new Map() : value instanceof Set ? new Set() : {};
  return Object.setPrototypeOf(made, Object.getPrototypeOf(value) as object | null) as object;
}

/** An accessor of the class must not run. */
function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}
