// SPDX-License-Identifier: LGPL-2.1-only
// Whether new code of a part can go on with the state that the old code has.
import { BareflankError } from '../../intrinsics/errors.js';
import { OwnedRequest } from '../requests/owned_request.js';
import { equalData } from '../state/equal_data.js';
import { stateFields } from './vmm_image.js';

/** A field whose state the new code cannot take over. */
export interface Misfit {
  /** The VMM, or a vCPU. */
  readonly where: string;
  readonly owner: string;
  /** With the path in its value. */
  readonly field: string;
  readonly why: string;
}

/** The state of the running VMM has no place in the new code. Nothing was changed. */
export class StateMisfitError extends BareflankError {
  constructor(readonly misfits: readonly Misfit[]) {
    const lines = misfits.map(({ owner, field, where, why }) => `  ${owner}.${field} (${where}) ${why}`);
    const advice =
      'keep the name and the kind of each field that is marked @state(), or stop the VMM and load it again';
    super(`the new code does not fit the state of the VMM, and nothing was changed:\n${lines.join('\n')}\n${advice}`, {
      details: {
        where: misfits.map(({ owner, field }) => `${owner}.${field}`).join(', '),
        found: misfits.map(({ why }) => why).join('; '),
        expected: 'fields that can hold the state',
        advice,
      },
    });
  }
}

type Part = Readonly<Record<string, unknown>>;

const isPlainObject = (value: unknown): value is Part =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

function kindOf(value: unknown): string {
  if (value instanceof OwnedRequest) return 'a request';
  if (Array.isArray(value)) return 'an array';
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name} of ${value.byteLength} bytes`;
  if (isPlainObject(value)) return 'an object';
  if (typeof value === 'object' && value !== null) return `a ${value.constructor.name}`;
  return `a ${typeof value}`;
}

const isNothing = (value: unknown): boolean => value === undefined || value === null;

/** Why a value does not fit into what new code begins with; the path leads to the place. */
function misfit(value: unknown, begin: unknown, path: string): { path: string; why: string } | undefined {
  // Code that begins with nothing says nothing about the kind.
  if (isNothing(value) || isNothing(begin)) return undefined;
  const [found, wanted] = [kindOf(value), kindOf(begin)];
  if (found !== wanted) return { path, why: `is ${found}, and the new code begins with ${wanted}` };
  if (!isPlainObject(value) || !isPlainObject(begin)) return undefined;
  for (const key of Object.keys(begin)) {
    if (!(key in value)) return { path, why: `has no ${key}, with which the new code begins` };
    const inner = misfit(value[key], begin[key], `${path}.${key}`);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

/** A part as its code begins. Constructors do nothing, so that has no effects. */
const begun = (part: object): Part => new (part.constructor as new () => object)() as Part;

function whyNot(field: string, now: Part, first: Part, next: Part): { path: string; why: string } | undefined {
  if (!stateFields(next).includes(field)) return { path: field, why: 'has no place in the new code' };
  // What begins as before is used as before.
  if (equalData(first[field], next[field])) return undefined;
  return misfit(now[field], next[field], field);
}

/** @param now the part with its state. @param next the part of the new code, as it begins. @param where names the VMM or the vCPU */
export function misfitsOf(now: object, next: object, where: string): Misfit[] {
  if (now.constructor === next.constructor) return [];
  const first = begun(now);
  return stateFields(now).flatMap((field) => {
    const found = whyNot(field, now as Part, first, next as Part);
    return found === undefined ? [] : [{ where, owner: now.constructor.name, field: found.path, why: found.why }];
  });
}
