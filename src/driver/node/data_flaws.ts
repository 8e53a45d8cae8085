// SPDX-License-Identifier: LGPL-2.1-only
// What is wrong with data from outside, in our words: where, what was found, and what was expected.
import type { z } from 'zod';

type Issue = z.ZodError['issues'][number];

/** Flaws that one message names. */
const MOST_NAMED = 3;
/** Characters of a text that are shown. */
const MOST_SHOWN = 40;

const types: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  bigint: 'a bigint',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
  map: 'a map',
  undefined: 'nothing',
  nonoptional: 'a value',
};

/** What is counted of a value that has a least or a most. */
const units: Readonly<Record<string, string>> = {
  string: ' characters',
  array: ' entries',
  map: ' entries',
  set: ' entries',
};

// eslint-disable-next-line no-control-regex -- control characters would act on the terminal that shows the message
const CONTROL = /[\x00-\x1f\x7f-\x9f]/g;

const visible = (text: string): string =>
  text.replace(CONTROL, (each) => `\\x${each.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** A value in the words of a message. */
export function found(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'nothing';
    case 'string':
      return value.length > MOST_SHOWN ? `"${visible(value.slice(0, MOST_SHOWN))}…"` : `"${visible(value)}"`;
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? `a list of ${value.length}` : 'an object';
    default:
      return String(value as number | boolean | bigint | symbol);
  }
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => {
    if (inner instanceof Map) return (inner as Map<unknown, unknown>).get(key);
    return typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key)
      ? Reflect.get(inner, key)
      : undefined;
  }, value);
}

const oneOf = (values: readonly unknown[]): string => values.map(found).join(' or ');

/** @returns undefined if the schema says it in a sentence of its own */
function expected(issue: Issue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return types[issue.expected] ?? issue.expected;
    case 'too_small':
      return `at least ${String(issue.minimum)}${units[issue.origin] ?? ''}`;
    case 'too_big':
      return `at most ${String(issue.maximum)}${units[issue.origin] ?? ''}`;
    case 'not_multiple_of':
      return `a multiple of ${issue.divisor}`;
    case 'invalid_value':
      return oneOf(issue.values);
    case 'invalid_union':
      return 'options' in issue && Array.isArray(issue.options) ? oneOf(issue.options) : alternatives(issue.errors);
    case 'invalid_format':
      return (
        sentenceOf(issue) ?? (issue.format === 'regex' ? `a text like ${issue.pattern}` : `a text in ${issue.format}`)
      );
    default:
      return sentenceOf(issue);
  }
}

/** What each of several forms wants. */
const alternatives = (errors: readonly (readonly Issue[])[]): string =>
  [...new Set(errors.flatMap(([first]) => (first === undefined ? [] : [expected(first) ?? first.message])))].join(
    ' or ',
  );

/** A schema may say `expected …` itself. */
const sentenceOf = ({ message }: Issue): string | undefined => /^expected (.*)$/.exec(message)?.[1];

function flaw(issue: Issue, value: unknown): string {
  const wanted = expected(issue);
  return wanted === undefined ? issue.message : `found ${found(at(value, issue.path))}, expected ${wanted}`;
}

const place = (path: readonly PropertyKey[], whole: string): string => visible(path.map(String).join('.')) || whole;

/**
 * The flaws of a value that a schema does not take: `modules.0: found 5, expected a text`.
 *
 * @param value that was parsed. @param whole its name, for a flaw of the value as a whole
 */
export function flawsOf({ issues }: z.ZodError, value: unknown, whole: string): string {
  const flaws = issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => `${place(issue.path, whole)}: found ${found(key)}, expected no such field`)
      : [`${place(issue.path, whole)}: ${flaw(issue, value)}`],
  );
  return joined(flaws);
}

/** As many flaws as one message names. */
export function joined(flaws: readonly string[]): string {
  const more = flaws.length - MOST_NAMED;
  return [...flaws.slice(0, MOST_NAMED), ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}
