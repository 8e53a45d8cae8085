// SPDX-License-Identifier: LGPL-2.1-only
import { LeftOverTaskError } from '../vmm/errors.js';
import { DEFAULT_LOCALE, watchLocale } from './default_locale.js';
import { virtualDate } from './virtual_date.js';
import { virtualIntl } from './virtual_intl.js';

/** Under this name of the global object, the code of modules finds what replaces its globals: a bundle has it instead of `Date` and the others. */
export const HANDLER_GLOBALS = 'bareflankHandlerGlobals';

/** What would call back when the host has time for it. */
const TIMERS = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'] as const;
type TimerName = (typeof TIMERS)[number];

/** The names that are replaced. */
export const REPLACED_GLOBALS = ['Date', 'Intl', 'Temporal', 'performance', 'Math', 'crypto', ...TIMERS] as const;

/** What the code of modules sees under the names of globals that no run would have twice. Each timer throws. */
export interface HandlerGlobals extends Readonly<Record<TimerName, () => never>> {
  readonly Date: DateConstructor;
  readonly Intl: typeof Intl;
  /** Not every host has it, so no module does. */
  readonly Temporal?: undefined;
  /** The language of texts, if code names none; undefined: that of the host. */
  readonly defaultLocale?: string;
  readonly performance: { readonly timeOrigin: number; now(): number };
  readonly Math: Math;
  readonly crypto: { getRandomValues<T extends ArrayBufferView>(array: T): T; randomUUID(): string };
}

/** Globals with seeded numbers. */
export interface SeededGlobals extends HandlerGlobals {
  /** Globals with this seed go on with the numbers that come next here. */
  seed: number;
}

/** Milliseconds since 1970 at power-on, and nanoseconds since power-on. */
export interface HandlerClock {
  readonly start: number;
  now(): number;
}

/** 32-bit numbers, always in the same order. The generator is "mulberry32". */
class SeededNumbers {
  constructor(public seed: number) {}

  readonly next = (): number => {
    this.seed = (this.seed + 0x6d2b79f5) | 0;
    let word = Math.imul(this.seed ^ (this.seed >>> 15), this.seed | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return (word ^ (word >>> 14)) >>> 0;
  };
}

function seededMath(next: () => number): Math {
  const own = Object.defineProperties({}, Object.getOwnPropertyDescriptors(Math)) as Math;
  const random = (): number => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53;
  return Object.defineProperty(own, 'random', { value: random });
}

function seededCrypto(next: () => number): HandlerGlobals['crypto'] {
  const fill = (bytes: Uint8Array): void => bytes.forEach((_, at) => (bytes[at] = next()));
  return {
    getRandomValues(array) {
      fill(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
      return array;
    },
    randomUUID() {
      const bytes = new Uint8Array(16);
      fill(bytes);
      // RFC 9562 "UUID Version 4": version and variant.
      bytes[6] = (bytes[6]! & 0x0f) | 0x40;
      bytes[8] = (bytes[8]! & 0x3f) | 0x80;
      const text = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
      return text.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    },
  };
}

/** @throws LeftOverTaskError always: there is no moment of the machine's run at which a timer of the host could call back. */
function refusedTimer(name: TimerName): never {
  const advice = 'do the work in a handler, and take the time from Date.now()';
  throw new LeftOverTaskError(
    `${name}() would call back at another moment in each run: ${advice}; --real-clock gives the host's timers`,
    { details: { found: `a call of ${name}()`, expected: 'work that is done at once', advice } },
  );
}

const noTimers = Object.fromEntries(TIMERS.map((name) => [name, () => refusedTimer(name)])) as Readonly<
  Record<TimerName, () => never>
>;

/** Globals by a clock of virtual time and by seeded numbers: the same run sees the same values. */
export function handlerGlobals(clock: HandlerClock, seed = 0): SeededGlobals {
  const numbers = new SeededNumbers(seed | 0);
  const { next } = numbers;
  const elapsed = (): number => clock.now() / 1e6;
  const milliseconds = (): number => Math.floor(clock.start + elapsed());
  return {
    ...noTimers,
    Date: virtualDate(milliseconds),
    Intl: virtualIntl(milliseconds),
    Temporal: undefined,
    defaultLocale: DEFAULT_LOCALE,
    performance: { timeOrigin: clock.start, now: elapsed },
    Math: seededMath(next),
    crypto: seededCrypto(next),
    get seed() {
      return numbers.seed;
    },
    set seed(seed) {
      numbers.seed = seed;
    },
  };
}

/** Gives the code of modules these globals from now on; without them, the host's. */
export function useHandlerGlobals(globals: HandlerGlobals | typeof globalThis = globalThis): void {
  Object.assign(globalThis, { [HANDLER_GLOBALS]: globals });
  watchLocale(() => (globalThis as { readonly [HANDLER_GLOBALS]?: HandlerGlobals })[HANDLER_GLOBALS]?.defaultLocale);
}

/** Code of modules is evaluated next: it has the host's globals unless it was given others. */
export function ensureHandlerGlobals(): void {
  if (!(HANDLER_GLOBALS in globalThis)) useHandlerGlobals();
}
