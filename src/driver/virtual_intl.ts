// SPDX-License-Identifier: LGPL-2.1-only
import { DEFAULT_LOCALE, localesOr } from './default_locale.js';

type Constructor = new (...values: unknown[]) => object;

/** A constructor of `Intl` that uses one language if none is named. It may be called without `new` if the host's may. */
function inDefaultLocale(host: Constructor): Constructor {
  const valuesOf = ([locales, ...others]: unknown[]): unknown[] => [
    localesOr(locales as string | undefined, DEFAULT_LOCALE),
    ...others,
  ];
  return new Proxy(host, {
    construct: (target, values, newTarget) => Reflect.construct(target, valuesOf(values), newTarget) as object,
    apply: (target, self, values) =>
      Reflect.apply(target as unknown as (...values: unknown[]) => unknown, self, valuesOf(values)),
  });
}

/** Formats in UTC, and the time that `now` gives, unless something else is named. */
function virtualFormat(now: () => number): typeof Intl.DateTimeFormat {
  class VirtualFormat extends Intl.DateTimeFormat {
    constructor(locales?: string | string[], options?: Intl.DateTimeFormatOptions) {
      super(localesOr(locales, DEFAULT_LOCALE), { ...options, timeZone: options?.timeZone ?? 'UTC' });
    }
  }
  const host = Object.getOwnPropertyDescriptor(Intl.DateTimeFormat.prototype, 'format')!;
  type Format = (date?: Date | number) => string;
  Object.defineProperty(VirtualFormat.prototype, 'format', {
    configurable: true,
    get(this: Intl.DateTimeFormat): Format {
      const format = Reflect.apply(host.get!, this, []) as Format;
      return (date = now()) => format(date);
    },
  });
  const { formatToParts } = Intl.DateTimeFormat.prototype;
  VirtualFormat.prototype.formatToParts = function (date = now()) {
    return formatToParts.call(this, date);
  };
  return new Proxy(VirtualFormat, {
    apply: (target, _self, values) => Reflect.construct(target, values) as object,
  }) as unknown as typeof Intl.DateTimeFormat;
}

/** `Intl` with one language and one time zone, whatever those of the host are, and with the time that `now` gives. */
export function virtualIntl(now: () => number): typeof Intl {
  const own = Object.defineProperties({}, Object.getOwnPropertyDescriptors(Intl)) as Record<string, unknown>;
  // A locale must be named.
  for (const name of Object.getOwnPropertyNames(own).filter((each) => /^[A-Z]/.test(each) && each !== 'Locale'))
    if (typeof own[name] === 'function') replace(own, name, inDefaultLocale(own[name] as Constructor));
  replace(own, 'DateTimeFormat', virtualFormat(now));
  return own as unknown as typeof Intl;
}

function replace(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, writable: true, configurable: true });
}
