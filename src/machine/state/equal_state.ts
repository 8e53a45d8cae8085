// SPDX-License-Identifier: LGPL-2.1-only

/** Whether two states of a device are equal: numbers, strings, booleans, null, lists and objects. Nothing is allocated. */
export function equalState(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || one === null) return Object.is(one, other);
  if (typeof other !== 'object' || other === null) return false;
  if (Array.isArray(one)) return Array.isArray(other) && equalLists(one, other);
  return !Array.isArray(other) && equalFields(one, other);
}

function equalLists(one: readonly unknown[], other: readonly unknown[]): boolean {
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i] && !equalState(one[i], other[i])) return false;
  return true;
}

function equalFields(one: object, other: object): boolean {
  let more = 0;
  for (const name in one) {
    const value = fieldOf(one, name);
    const wanted = fieldOf(other, name);
    if (value !== wanted && !equalState(value, wanted)) return false;
    if (value === undefined && !(name in other)) return false;
    more++;
  }
  for (const _name in other) more--;
  return more === 0;
}

const fieldOf = (object: object, name: string): unknown => (object as Readonly<Record<string, unknown>>)[name];
