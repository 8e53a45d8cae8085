// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';
import { OwnedRequest, type RequestHolder } from '../requests/owned_request.js';
import { EndlessDataError, plainCopy, whyNotPlain } from '../state/plain_copy.js';

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

const isReference = (value: unknown): value is RequestReference =>
  typeof value === 'object' && (value as Partial<RequestReference> | null)?.isRequest === true;

/** A copy of a field as plain data. @param where names the field. @throws VmmImageError for a function, an instance of a class, or data without an end. */
export function toPlainData(value: unknown, where: string): unknown {
  try {
    return copiedField(value, where);
  } catch (error) {
    if (!(error instanceof EndlessDataError)) throw error;
    throw new VmmImageError(
      `${where} is marked @state(), and its ${error.message}: keep names or numbers of the objects instead of the objects`,
    );
  }
}

function copiedField(value: unknown, where: string): unknown {
  return plainCopy(value, (leaf) => {
    if (leaf instanceof OwnedRequest) return referenceTo(leaf, where);
    const what = whyNotPlain(leaf);
    if (what === undefined) return leaf;
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
  const handle = (leaf: unknown): unknown => {
    if (!isReference(leaf)) return leaf;
    const owner = find(leaf.owner);
    if (owner === undefined)
      throw new VmmImageError(`${where} refers to a request of ${leaf.owner}, which is not an owner`);
    return new OwnedRequest(owner, leaf.id, { contribution: leaf.contribution, key: leaf.key });
  };
  return plainCopy(value, handle, isReference);
}
