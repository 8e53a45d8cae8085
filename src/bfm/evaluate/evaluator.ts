// SPDX-License-Identifier: LGPL-2.1-only
import { inspect, type InspectOptionsStylized } from 'node:util';
import { promiseHooks } from 'node:v8';
import { createContext, Script, type Context } from 'node:vm';
import { BareflankError } from '../../intrinsics/errors.js';
import { groupedDigits } from '../../session/grouped_digits.js';
import { isNoStray } from '../failures/stray_errors.js';
import { LookLimit } from './look_limit.js';

/** Characters of a value that are shown. */
const MOST_CHARACTERS = 1 << 18;

/** Sessions whose variables are kept. */
const MOST_SESSIONS = 16;

const show = new Script('show()', { filename: 'show' });

const isError = (thrown: unknown): thrown is Error => Object.prototype.toString.call(thrown) === '[object Error]';

/** Our own errors say what is wrong in a sentence. */
function reasonOf(thrown: unknown): string {
  if (thrown instanceof BareflankError) return thrown.message;
  return isError(thrown) ? `${thrown.name}: ${thrown.message}` : `thrown: ${inspect(thrown)}`;
}

/** In hexadecimal: addresses and registers are. */
const stylize: InspectOptionsStylized['stylize'] = (text, type) => {
  if (type !== 'bigint') return text;
  const value = BigInt(text.slice(0, -1));
  return value < 0n ? text : `0x${value.toString(16)}n`;
};

/** A value for people. */
export function shownValue(value: unknown): string {
  // `stylize` is an option that custom inspection functions get, and that `inspect` takes.
  const options = { depth: 4, maxArrayLength: 256, stylize } as InspectOptionsStylized;
  return inspect(value, options);
}

/** Evaluates JavaScript of the machine's owner, with the names of a scope as its globals. It is no sandbox: code that wants to reaches more. */
export class Evaluator {
  private readonly contexts = new Map<string, Context>();

  /**
   * @param limit of an expression; the looks of the scope check it
   * @param settling does the work of an expression, which may be ended in the middle of a look
   */
  constructor(
    private readonly scope: Readonly<Record<string, unknown>>,
    private readonly limit = new LookLimit(),
    private readonly settling: <T>(work: () => T) => T = (work) => work(),
  ) {}

  /**
   * @param session expressions of one session see each other's variables; undefined: it sees those of no other.
   * @returns the value, for people; undefined for none. @throws BareflankError with what the code threw, without a stack
   */
  evaluate(code: string, session?: string): string | undefined {
    const context = session === undefined ? this.newContext() : this.contextOf(session);
    return this.settling(() => this.evaluateIn(context, code));
  }

  private evaluateIn(context: Context, code: string): string | undefined {
    const { limit } = this;
    limit.begin();
    // Nobody waits for what an expression promises, and a rejection must not end the machine.
    const end = promiseHooks.onInit(isNoStray) as () => void;
    try {
      const script = new Script(code, { filename: 'eval' });
      const value: unknown = script.runInContext(context, { timeout: limit.force });
      return value === undefined ? undefined : textOf(() => shownValue(value), limit.longest);
    } catch (thrown) {
      throw new BareflankError(reasonText(thrown, limit.longest));
    } finally {
      end();
    }
  }

  private contextOf(session: string): Context {
    const known = this.contexts.get(session);
    if (known !== undefined) return known;
    const [oldest] = this.contexts.keys();
    if (this.contexts.size >= MOST_SESSIONS && oldest !== undefined) this.contexts.delete(oldest);
    const made = this.newContext();
    this.contexts.set(session, made);
    return made;
  }

  /** The names are properties with the scope's own getters, so that each use looks again. */
  private newContext(): Context {
    const names = Object.getOwnPropertyDescriptors(this.scope);
    return createContext(Object.defineProperties({}, names), { microtaskMode: 'afterEvaluate' });
  }
}

/** A text that code of the expression may help to make, which may throw or never return. */
function textOf(shown: () => string, milliseconds: number): string {
  const text = show.runInContext(createContext({ show: shown }), { timeout: milliseconds }) as string;
  if (text.length <= MOST_CHARACTERS) return text;
  return `${text.slice(0, MOST_CHARACTERS)}… and ${groupedDigits(text.length - MOST_CHARACTERS)} characters more`;
}

function reasonText(thrown: unknown, milliseconds: number): string {
  try {
    return textOf(() => reasonOf(thrown), milliseconds);
  } catch {
    return 'the code threw a value that cannot be shown: its own code throws, or does not end';
  }
}
