// SPDX-License-Identifier: LGPL-2.1-only
import { inspect, type InspectOptionsStylized } from 'node:util';
import { createContext, Script, type Context } from 'node:vm';
import { BareflankError } from '../../intrinsics/errors.js';

/** How long an expression may take. The watchdog waits longer. */
const LONGEST_MILLISECONDS = 2000;

/** Sessions whose variables are kept. */
const MOST_SESSIONS = 16;

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

  /** @param longest milliseconds that an expression may take */
  constructor(
    private readonly scope: Readonly<Record<string, unknown>>,
    private readonly longest = LONGEST_MILLISECONDS,
  ) {}

  /**
   * @param session expressions of one session see each other's variables; undefined: it sees those of no other.
   * @returns the value, for people; undefined for none. @throws BareflankError with what the code threw, without a stack
   */
  evaluate(code: string, session?: string): string | undefined {
    const context = session === undefined ? this.newContext() : this.contextOf(session);
    try {
      const script = new Script(code, { filename: 'eval' });
      const value: unknown = script.runInContext(context, { timeout: this.longest });
      return value === undefined ? undefined : shownValue(value);
    } catch (thrown) {
      throw new BareflankError(reasonOf(thrown));
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
