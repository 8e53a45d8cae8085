// SPDX-License-Identifier: LGPL-2.1-only
// The state of a part that survives its container. A snapshot, a reload and a restore build new containers: the fields marked `@state()` are put
// back, `attach()` rebuilds the fields marked `@derived()`, and nothing is initialised again.

/** How a field of a part is restored. */
export type FieldKind = 'state' | 'derived';

const fields = new WeakMap<object, Map<string, FieldKind>>();

function mark(kind: FieldKind): PropertyDecorator {
  return (prototype, property) => {
    const own = fields.get(prototype) ?? new Map<string, FieldKind>();
    own.set(String(property), kind);
    fields.set(prototype, own);
  };
}

/**
 * A field that must survive. It holds plain data that structuredClone can copy, and requests of owners (`Request`).
 */
export const state = (): PropertyDecorator => mark('state');

/**
 * A field that follows from injected parts and from state: `attach()` rebuilds it. Functions, and instances of classes, are always derived.
 */
export const derived = (): PropertyDecorator => mark('derived');

/** A part with derived fields. */
export interface Attachable {
  /**
   * Rebuilds the derived fields from the present state. Called when the part was made, and again when its state was put back. It only wires: it
   * executes no intrinsic and writes none of the VMM's memory.
   */
  attach(): void;
}

export function isAttachable(part: unknown): part is Attachable {
  return typeof (part as Partial<Attachable> | null | undefined)?.attach === 'function';
}

/** The marked fields of a part, those of its bases included. */
export function markedFields(part: object): ReadonlyMap<string, FieldKind> {
  const result = new Map<string, FieldKind>();
  for (let at: unknown = Object.getPrototypeOf(part); at !== null; at = Object.getPrototypeOf(at))
    for (const [name, kind] of fields.get(at as object) ?? []) if (!result.has(name)) result.set(name, kind);
  return result;
}
