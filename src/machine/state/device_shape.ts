// SPDX-License-Identifier: LGPL-2.1-only
// A state of devices may come from outside. A device relies on the shape of its own state, so a state of another shape is refused before any device
// takes it.

/** A message on its way between local APICs: the only objects in a list that is empty after a reset. */
const waitingMessage = {
  time: 0,
  target: 0,
  message: { vector: 0, mode: 0, level: false, asserted: false },
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Numbers may be null where a device has none. Text is a number of 64 bits. */
function isLike(own: unknown, value: unknown): boolean {
  if (own === null || typeof own === 'number') return value === null || Number.isFinite(value);
  if (typeof own === 'string') return typeof value === 'string' && /^\d{1,20}$/.test(value);
  return typeof own === typeof value;
}

function listMismatch(own: readonly unknown[], value: unknown, path: string): string | undefined {
  if (!Array.isArray(value)) return path;
  const [first] = own;
  // A device has so many timers, queues or chips; only messages come and go.
  if (isObject(first) && !('message' in first) && value.length !== own.length) return path;
  const elements = value as readonly unknown[];
  const mismatches = elements.map((each, i) => {
    const like = own[i] ?? first ?? (isObject(each) ? waitingMessage : 0);
    return shapeMismatch(like, each, `${path}.${i}`);
  });
  return mismatches.find((mismatch) => mismatch !== undefined);
}

/**
 * Compares two states of the same devices.
 * @returns the path of the first part whose kind differs, undefined if there is none
 */
export function shapeMismatch(own: unknown, value: unknown, path: string): string | undefined {
  if (Array.isArray(own)) return listMismatch(own, value, path);
  if (!isObject(own)) return isLike(own, value) ? undefined : path;
  if (!isObject(value)) return path;
  const names = Object.keys(own);
  if (Object.keys(value).length !== names.length || names.some((name) => !Object.hasOwn(value, name))) return path;
  for (const name of names) {
    const mismatch = shapeMismatch(own[name], value[name], `${path}.${name}`);
    if (mismatch !== undefined) return mismatch;
  }
  return undefined;
}

/** Timers are by name; those that are not armed are left out. */
export function isTimers(value: unknown): boolean {
  return isObject(value) && Object.values(value).every((deadline) => Number.isFinite(deadline));
}
