// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';
import { OwnedRequest, type RequestHolder } from '../requests/owned_request.js';

/** A field marked `@state()` holds a value that is not plain data. */
export class VmmImageError extends BareflankError {}

/** A request as plain data. */
interface RequestReference {
  readonly isRequest: true;
  readonly owner: string;
  readonly id: number;
  readonly contribution: string;
  readonly key: unknown;
}

/** Returns the owner with a name. */
export type FindOwner = (name: string) => RequestHolder | undefined;

/** Copies arrays, maps and other containers of data, and calls `leaf` for everything else. */
function copied(value: unknown, leaf: (value: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => copied(each, leaf));
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [copied(key, leaf), copied(each, leaf)]));
  if (value instanceof Set) return new Set([...value].map((each) => copied(each, leaf)));
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return (value as Uint8Array).slice();
  if (!isPlainObject(value) || isReference(value)) return leaf(value);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, copied(each, leaf)]));
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

const isReference = (value: unknown): value is RequestReference =>
  typeof value === 'object' && (value as Partial<RequestReference> | null)?.isRequest === true;

/** A copy of a field as plain data. @param where names the field. @throws VmmImageError for a function or an instance of a class. */
export function toPlainData(value: unknown, where: string): unknown {
  return copied(value, (leaf) => {
    if (leaf instanceof OwnedRequest) return referenceTo(leaf, where);
    if (typeof leaf !== 'function' && typeof leaf !== 'symbol' && (typeof leaf !== 'object' || leaf === null))
      return leaf;
    const what = typeof leaf === 'object' ? `an instance of ${leaf.constructor.name}` : `a ${typeof leaf}`;
    throw new VmmImageError(
      `${where} is marked @state() and holds ${what}, which is not plain data: keep the data from which it is made, and rebuild it in attach() as a @derived() field`,
    );
  });
}

function referenceTo({ owner, id, contribution, key }: OwnedRequest, where: string): RequestReference {
  return { isRequest: true, owner, id, contribution, key: toPlainData(key, where) };
}

/** The opposite: requests become handles again. A disposed request stays disposed. @throws VmmImageError for a request of an unknown owner. */
export function fromPlainData(value: unknown, where: string, find: FindOwner): unknown {
  return copied(value, (leaf) => {
    if (!isReference(leaf)) return leaf;
    const owner = find(leaf.owner);
    if (owner === undefined)
      throw new VmmImageError(`${where} refers to a request of ${leaf.owner}, which is not an owner`);
    return new OwnedRequest(owner, leaf.id, { contribution: leaf.contribution, key: leaf.key });
  });
}
