// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { z } from 'zod';
import { flawsOf } from '../../../src/driver/node/data_flaws.js';

/** What is wrong with a value. */
function flaws(schema: z.ZodType, value: unknown): string {
  const { error } = schema.safeParse(value);
  if (error === undefined) throw new Error('the schema takes the value');
  return flawsOf(error, value, 'the whole');
}

const kinds = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('one') }),
  z.strictObject({ kind: z.literal('two') }),
]);

describe('flawsOf', () => {
  for (const [schema, value, text] of [
    [z.string(), 5, 'found 5, expected a text'],
    [z.string(), undefined, 'found nothing, expected a text'],
    [z.int(), 1.5, 'found 1.5, expected a whole number'],
    [z.number(), 'x', 'found "x", expected a number'],
    [z.boolean(), null, 'found null, expected true or false'],
    [z.array(z.string()), {}, 'found an object, expected a list'],
    [z.strictObject({}), [1], 'found a list of 1, expected an object'],
    [z.record(z.string(), z.string()), 7n, 'found 7, expected an object'],
    [z.int().min(0), -1, 'found -1, expected at least 0'],
    [z.int().max(8), 9, 'found 9, expected at most 8'],
    [z.string().min(1), '', 'found "", expected at least 1 characters'],
    [z.array(z.int()).max(1), [1, 2], 'found a list of 2, expected at most 1 entries'],
    [z.int().multipleOf(4), 5, 'found 5, expected a multiple of 4'],
    [z.literal(3), 4, 'found 4, expected 3'],
    [z.enum(['boot', 'late']), 'x', 'found "x", expected "boot" or "late"'],
    [z.base64(), '%', 'found "%", expected a text in base64'],
    [z.string().regex(/^x$/), 'y', 'found "y", expected a text like /^x$/'],
    [z.string().regex(/^x$/, 'expected a digest'), 'y', 'found "y", expected a digest'],
    [z.string().refine(() => false, 'expected a path'), 'y', 'found "y", expected a path'],
    [z.string().refine(() => false, 'the sizes do not fit'), 'y', 'the sizes do not fit'],
    [z.string().or(z.int()), true, 'found true, expected a text or a number'],
  ] as const)
    it(`says of ${String(value)}: ${text}`, () => void expect(flaws(schema, value)).to.equal(`the whole: ${text}`));

  it('names the place of each flaw, also in maps and lists, and fields that there are not', () => {
    const schema = z.strictObject({ list: z.array(z.string()), map: z.map(z.string(), z.int()) });
    const value = { list: ['a', 5], map: new Map<string, unknown>([['key', 'x']]), more: 1 };
    expect(flaws(schema, value)).to.equal(
      'list.1: found 5, expected a text; map.key: found "x", expected a number; the whole: found "more", expected no such field',
    );
    expect(flaws(kinds, { kind: 'three' })).to.equal('kind: found "three", expected "one" or "two"');
  });

  it('names three flaws and counts the others', () => {
    expect(flaws(z.array(z.string()), [1, 2, 3, 4, 5])).to.match(/^0: .*; 1: .*; 2: [^;]*; and 2 more$/);
  });

  it('shows no control characters and no long texts', () => {
    expect(flaws(z.strictObject({}), { '\u001b[2J': 1 })).to.equal(
      'the whole: found "\\x1b[2J", expected no such field',
    );
    const shown = flaws(z.literal('a'), `\u009b\n${'x'.repeat(100)}`);
    expect(shown).to.equal(`the whole: found "\\x9b\\x0a${'x'.repeat(38)}…", expected "a"`);
  });
});
