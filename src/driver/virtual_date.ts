// SPDX-License-Identifier: LGPL-2.1-only
// `Date` by the time of a machine, in UTC: the time zone and the language of the host would make another run of the same guest.
import { DEFAULT_LOCALE, localesOr } from './default_locale.js';

const COMPONENTS = ['Date', 'Day', 'FullYear', 'Hours', 'Milliseconds', 'Minutes', 'Month', 'Seconds'] as const;

const ZONE = 'GMT+0000 (Coordinated Universal Time)';

/** A text that says in which zone it is: by its end, or as a date of ISO 8601 without a time, which is in UTC. */
const HAS_ZONE = /(Z|UTC?|GMT|[ECMP][SD]T|[+-]\d\d(:?\d\d)?)\s*(\([^()]*\))?\s*$|^\s*[+-]?\d{4,6}(-\d\d(-\d\d)?)?\s*$/i;
const IS_ISO_TIME = /^[+-]?\d{4,6}-\d\d(-\d\d)?T/;

/** Milliseconds of a text, which is in UTC if it does not name another zone. */
function parseInUtc(text: string): number {
  if (HAS_ZONE.test(text)) return Date.parse(text);
  return Date.parse(`${text}${IS_ISO_TIME.test(text) ? 'Z' : ' UTC'}`);
}

type DateValues = [] | [value: number | string | Date] | [year: number, month: number, ...more: number[]];

function millisecondsOf(values: DateValues, now: () => number): number | Date {
  if (values.length === 0) return now();
  if (values.length > 1) return Date.UTC(...(values as [number, number]));
  const [value] = values as [number | string | Date];
  if (value instanceof Date) return value;
  // As the language does with an object.
  const primitive = typeof value === 'object' ? (Object(value) as { valueOf(): unknown }).valueOf() : value;
  return typeof primitive === 'string' ? parseInUtc(primitive) : (primitive as number);
}

type Options = Intl.DateTimeFormatOptions | undefined;

const inUtc = (options: Options): Intl.DateTimeFormatOptions => ({ ...options, timeZone: options?.timeZone ?? 'UTC' });

/** Weekday, day, month, year and time of a valid date. */
const partsOf = (date: Date): string[] => date.toUTCString().replace(',', '').split(' ');

/** What a date says about itself, with UTC as its local time. */
const texts = {
  getTimezoneOffset: (): number => 0,
  getYear(this: Date): number {
    return this.getUTCFullYear() - 1900;
  },
  setYear(this: Date, year: number): number {
    return this.setUTCFullYear(year >= 0 && year <= 99 ? 1900 + Math.trunc(year) : year);
  },
  toString(this: Date): string {
    return isNaN(this.getTime()) ? 'Invalid Date' : `${this.toDateString()} ${this.toTimeString()}`;
  },
  toDateString(this: Date): string {
    const [weekday, day, month, year] = partsOf(this);
    return isNaN(this.getTime()) ? 'Invalid Date' : `${weekday} ${month} ${day} ${year}`;
  },
  toTimeString(this: Date): string {
    return isNaN(this.getTime()) ? 'Invalid Date' : `${partsOf(this)[4]} ${ZONE}`;
  },
  toLocaleString(this: Date, locales?: string | string[], options?: Options): string {
    return Date.prototype.toLocaleString.call(this, localesOr(locales, DEFAULT_LOCALE), inUtc(options));
  },
  toLocaleDateString(this: Date, locales?: string | string[], options?: Options): string {
    return Date.prototype.toLocaleDateString.call(this, localesOr(locales, DEFAULT_LOCALE), inUtc(options));
  },
  toLocaleTimeString(this: Date, locales?: string | string[], options?: Options): string {
    return Date.prototype.toLocaleTimeString.call(this, localesOr(locales, DEFAULT_LOCALE), inUtc(options));
  },
};

function hide(object: object, members: object): void {
  for (const [name, value] of Object.entries(members))
    Object.defineProperty(object, name, { value: value as unknown, writable: true, configurable: true });
}

/** `Date` with the time that `now` gives. */
export function virtualDate(now: () => number): DateConstructor {
  class VirtualDate extends Date {
    constructor(...values: DateValues) {
      super(millisecondsOf(values, now));
    }

    static override now(): number {
      return now();
    }

    static override parse(text: string): number {
      return parseInUtc(String(text));
    }

    /** For a module it is the only `Date`, so those of the host are its instances. */
    static override [Symbol.hasInstance](value: unknown): boolean {
      if (this !== made && this !== VirtualDate) return Function.prototype[Symbol.hasInstance].call(this, value);
      return value instanceof Date;
    }
  }
  const { prototype } = VirtualDate;
  const host = Date.prototype as unknown as Record<string, unknown>;
  for (const component of COMPONENTS) {
    hide(prototype, { [`get${component}`]: host[`getUTC${component}`] });
    if (component !== 'Day') hide(prototype, { [`set${component}`]: host[`setUTC${component}`] });
  }
  hide(prototype, texts);
  const made = new Proxy(VirtualDate, { apply: () => new VirtualDate().toString() }) as unknown as DateConstructor;
  hide(prototype, { constructor: made });
  Object.defineProperty(VirtualDate, 'name', { value: 'Date' });
  return made;
}
