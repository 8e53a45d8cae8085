// SPDX-License-Identifier: LGPL-2.1-only
import type { PartContainer } from '../container/part_container.js';
import { fromPlainData, toPlainData, type FindOwner } from './plain_data.js';
import { ownersIn, stateFields } from './vmm_image.js';

/** A field, and its value as plain data. */
interface MarkedField {
  readonly part: Record<string, unknown>;
  readonly field: string;
  readonly where: string;
  readonly value: unknown;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** Whether a field has the value still. Bytes are set, not compared: that takes less time. */
function isStill(now: unknown, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return Object.is(now, value);
  if (typeof now !== 'object' || now === null || Object.getPrototypeOf(now) !== Object.getPrototypeOf(value))
    return false;
  if (Array.isArray(value)) return areStill(now as unknown[], value);
  if (value instanceof Set) return areStill([...(now as Set<unknown>)], [...value]);
  if (value instanceof Map) return areStill([...(now as Map<unknown, unknown>)], [...value]);
  return isObject(value) && isObject(now) && haveStill(now, value);
}

function areStill(now: readonly unknown[], value: readonly unknown[]): boolean {
  if (now.length !== value.length) return false;
  for (let i = 0; i < value.length; i++) if (!isStill(now[i], value[i])) return false;
  return true;
}

/** Their order counts too. */
function haveStill(now: Record<string, unknown>, value: Record<string, unknown>): boolean {
  const [keys, its] = [Object.keys(now), Object.keys(value)];
  if (keys.length !== its.length) return false;
  for (let i = 0; i < its.length; i++) {
    const key = its[i]!;
    if (keys[i] !== key || !isStill(now[key], value[key])) return false;
  }
  return true;
}

/**
 * Writes typed arrays into those that are there, those of plain objects too: new ones at each reset would cost more than all the rest.
 *
 * @returns whether that was possible
 */
function setBytes(now: unknown, value: unknown, copy: (value: unknown) => unknown): boolean {
  if (ArrayBuffer.isView(value)) {
    const [array, its] = [now as Uint8Array | undefined, value as Uint8Array];
    if (array?.constructor !== its.constructor || array.length !== its.length) return false;
    array.set(its);
    return true;
  }
  if (!isObject(value) || !isObject(now) || Object.isFrozen(now)) return false;
  if (!Object.values(value).some((each) => ArrayBuffer.isView(each) || isObject(each))) return false;
  const keys = Object.keys(value);
  if (Object.keys(now).join() !== keys.join()) return false;
  for (const key of keys) if (!setBytes(now[key], value[key], copy)) now[key] = copy(value[key]);
  return true;
}

/** A container with the state that its parts had when this was made. */
export class MarkedContainer {
  private readonly fields: readonly MarkedField[];
  private readonly find: FindOwner;

  constructor(
    readonly container: PartContainer,
    others: readonly PartContainer[] = [],
  ) {
    this.fields = [...container.namedParts()].flatMap(([name, object]) => {
      const part = object as Record<string, unknown>;
      return stateFields(part).map((field) => {
        const where = `${name}.${field}`;
        return { part, field, where, value: toPlainData(part[field], where) };
      });
    });
    this.find = ownersIn([...others, container]);
  }

  reset(): void {
    for (const { part, field, where, value } of this.fields) {
      const copy = (each: unknown): unknown => fromPlainData(each, where, this.find);
      const now = part[field];
      if (!isStill(now, value) && !setBytes(now, value, copy)) part[field] = copy(value);
    }
    this.container.attach();
  }
}
