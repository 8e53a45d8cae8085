// SPDX-License-Identifier: LGPL-2.1-only

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** No data is nested so deeply, unless it leads back to itself. */
const MOST_DEPTH = 1000;

/** Data that leads back to itself, or is nested too deeply. */
export class EndlessDataError extends RangeError {
  constructor() {
    super(`data leads back to itself, or is nested in more than ${MOST_DEPTH} objects`);
  }
}

/**
 * Copies arrays, maps and other containers of data.
 *
 * @param leaf copies everything else.
 * @param isLeaf of objects that look like containers and are not.
 * @throws EndlessDataError
 */
export function plainCopy(
  value: unknown,
  leaf: (value: unknown) => unknown,
  isLeaf: (value: object) => boolean = () => false,
  depth = 0,
): unknown {
  if (typeof value !== 'object' || value === null) return leaf(value);
  if (depth > MOST_DEPTH) throw new EndlessDataError();
  const copy = (each: unknown): unknown => plainCopy(each, leaf, isLeaf, depth + 1);
  if (Array.isArray(value)) return value.map(copy);
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [copy(key), copy(each)]));
  if (value instanceof Set) return new Set([...value].map(copy));
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return (value as Uint8Array).slice();
  if (!isPlainObject(value) || isLeaf(value)) return leaf(value);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, copy(each)]));
}

/** What a leaf is, for a message, if it is not plain data: `a function`, `an instance of Thing`. */
export function whyNotPlain(leaf: unknown): string | undefined {
  if (typeof leaf === 'function' || typeof leaf === 'symbol') return `a ${typeof leaf}`;
  return typeof leaf === 'object' && leaf !== null ? `an instance of ${leaf.constructor.name}` : undefined;
}
