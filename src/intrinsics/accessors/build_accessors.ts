// SPDX-License-Identifier: LGPL-2.1-only
// Makes accessors from definitions, each when it is first used.
import type { BitField } from '../bit_fields.js';
import { BitAccessor } from './bit_accessor.js';
import { BitsAccessor } from './bits_accessor.js';
import { WordAccessor } from './word_accessor.js';
import type { WordDefinition, WordSource } from './word_source.js';

/** Makes the accessor of one bit field. @param width the bits that the word has. */
export type MakeBits = (field: BitField, width: bigint) => object;

/** `guest_ia32_pat` → `guestIa32Pat`: how code spells the names of definitions. */
export function camelCase(snakeCase: string): string {
  return snakeCase.replace(/_(.)/g, (_match, letter: string) => letter.toUpperCase());
}

function checkName(target: object, name: string): void {
  if (name in target) throw new Error(`an accessor cannot be named '${name}': there is such a member already`);
}

/**
 * Gives an object a property that is made when it is first read, and stays.
 *
 * @throws Error if there is such a property already: two definitions of one name, or a name that accessors need for themselves.
 */
function lazily(target: object, name: string, make: () => object): void {
  checkName(target, name);
  let value: object | undefined;
  Object.defineProperty(target, name, { enumerable: true, get: () => (value ??= make()) });
}

// What instances have made so far is in a table outside them. A new property would change their shape, and slow down the exit path for a while.
const made = new WeakMap<object, Map<string, object>>();

/**
 * Gives all instances of a class a property that each makes when it is first read.
 *
 * @throws Error if there is such a property already.
 */
export function lazilyInEach<T extends object>(prototype: T, name: string, make: (self: T) => object): void {
  checkName(prototype, name);
  Object.defineProperty(prototype, name, {
    configurable: true,
    get(this: T): object {
      let own = made.get(this);
      if (own === undefined) made.set(this, (own = new Map<string, object>()));
      let value = own.get(name);
      if (value === undefined) own.set(name, (value = make(this)));
      return value;
    },
  });
}

/** The accessor of a word, with one for each of its bit fields under its name in camelCase. */
export function makeWordAccessor(
  source: WordSource,
  definition: WordDefinition,
  makeBits: MakeBits = (field, width) => makeBitsAccessor(source, field, width),
): WordAccessor {
  const { bytes = 8, fields } = definition;
  const width = (1n << BigInt(8 * bytes)) - 1n;
  const word = new WordAccessor(source, definition, 8 * bytes);
  installBits(word, fields, '', (field) => makeBits(field, width));
  return word;
}

/** The accessor of a bit field that no capability MSR speaks of. */
export function makeBitsAccessor(source: WordSource, field: BitField, width: bigint): BitsAccessor {
  return new (field.kind === 'run' ? BitsAccessor : BitAccessor)(source, field, width);
}

/** Names with a dot become accessors within accessors. */
function installBits(
  target: object,
  fields: readonly BitField[],
  prefix: string,
  make: (field: BitField) => object,
): void {
  const heads = new Set(fields.map(({ name }) => name.slice(prefix.length).split('.')[0]!));
  for (const head of heads) {
    const path = `${prefix}${head}`;
    lazily(target, camelCase(head), () => {
      const own = fields.find(({ name }) => name === path);
      const accessor = own === undefined ? {} : make(own);
      installBits(
        accessor,
        fields.filter(({ name }) => name.startsWith(`${path}.`)),
        `${path}.`,
        make,
      );
      return accessor;
    });
  }
}
