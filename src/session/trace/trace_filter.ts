// SPDX-License-Identifier: LGPL-2.1-only

/** Kinds of events of a trace. */
export const traceKinds = ['guest', 'exits', 'interrupts', 'idle', 'console', 'counters'] as const;
export type TraceKind = (typeof traceKinds)[number];

/** Which events a trace has. */
export interface TraceFilter {
  readonly kinds: readonly TraceKind[];
  /** Names of exit reasons; undefined: all. */
  readonly reasons?: readonly string[];
}

/** All of them. */
export const wholeTrace: TraceFilter = { kinds: traceKinds };

const isKind = (word: string): word is TraceKind => traceKinds.some((kind) => kind === word);

/**
 * Reads a list of kinds and of exit reasons. A reason means the exits of this reason and of the others that are named, with the kinds that are named.
 *
 * @param isReason whether a word is the name of an exit reason. @returns the word that is neither, if there is one
 */
export function parseTraceFilter(text: string, isReason: (name: string) => boolean): TraceFilter | string {
  const words = text.split(',').map((word) => word.trim());
  const wrong = words.find((word) => !isKind(word) && !isReason(word));
  if (wrong !== undefined) return wrong;
  const kinds = words.filter(isKind);
  const reasons = words.filter((word) => !isKind(word));
  if (reasons.length === 0) return { kinds };
  return { kinds: kinds.includes('exits') ? kinds : [...kinds, 'exits'], reasons };
}
