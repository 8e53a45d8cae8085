// SPDX-License-Identifier: LGPL-2.1-only
// The language of the texts that code of modules makes: the host's would make another run of the same guest.

/** The language if code names none. */
export const DEFAULT_LOCALE = 'en-US';

type Locales = string | readonly string[] | undefined;

const isNone = (locales: unknown): boolean => locales === undefined || (Array.isArray(locales) && locales.length === 0);

/** The named languages, or a default. */
export const localesOr = <T extends Locales>(locales: T, other: T): T => (isNone(locales) ? other : locales);

/** Methods of values that take languages, with the place of that argument. */
const methods: readonly (readonly [object, string, number])[] = [
  [Number.prototype, 'toLocaleString', 0],
  [BigInt.prototype, 'toLocaleString', 0],
  [String.prototype, 'localeCompare', 1],
  [String.prototype, 'toLocaleLowerCase', 0],
  [String.prototype, 'toLocaleUpperCase', 0],
];

let isWatched = false;

/**
 * Lets numbers and texts use a language by default. No bundle can have prototypes of its own, so those of this thread are changed, once.
 *
 * @param present gives the language; undefined: that of the host
 */
export function watchLocale(present: () => string | undefined): void {
  if (isWatched) return;
  isWatched = true;
  for (const [prototype, name, place] of methods) {
    const own = Reflect.get(prototype, name) as (...values: unknown[]) => unknown;
    const value = function (this: unknown, ...values: unknown[]): unknown {
      const wanted = isNone(values[place]) ? present() : undefined;
      if (wanted !== undefined) values[place] = wanted;
      return Reflect.apply(own, this, values);
    };
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  }
}
