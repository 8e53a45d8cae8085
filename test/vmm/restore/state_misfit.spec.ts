// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { inspect } from 'node:util';
import { misfitsOf, StateMisfitError } from '../../../src/vmm/restore/state_misfit.js';
import { state } from '../../../src/vmm/state/state.js';

/** A part of a class of its own with one field, which the code begins with `begin`. */
function part(begin: unknown, now = begin): object {
  class Part {
    @state() value = structuredClone(begin);
  }
  return Object.assign(new Part(), { value: now });
}

const why = (begin: unknown, now: unknown, next: unknown): string | undefined => {
  const [misfit] = misfitsOf(part(begin, now), part(next), 'vcpu 1');
  return misfit && `${misfit.field} ${misfit.why}`;
};

describe('misfitsOf', () => {
  it('lets the same class be, whatever its state has become', () => {
    const one = part(0, 'text');
    expect(misfitsOf(one, Reflect.construct(one.constructor, []) as object, 'the VMM')).to.deep.equal([]);
  });

  for (const [begin, now, next] of [
    [0, 5, 7],
    [undefined, 5, undefined],
    [undefined, 5, 0],
    [0, undefined, 7],
    [new Map(), new Map([[1, 2]]), new Map()],
    [{ a: 1 }, {}, { a: 1 }],
    [{}, { a: 1n }, { a: 0n }],
  ])
    it(`lets a field be that begins with ${inspect(begin)}, and with ${inspect(next)} in the new code`, () =>
      expect(why(begin, now, next)).to.equal(undefined));

  for (const [begin, now, next, expected] of [
    [0, 5, 0n, 'value is a number, and the new code begins with a bigint'],
    [{}, { a: 5 }, { a: '' }, 'value.a is a number, and the new code begins with a string'],
    [{}, { a: 5 }, { a: 5, b: 6 }, 'value has no b, with which the new code begins'],
    [[], [1], {}, 'value is an array, and the new code begins with an object'],
    [new Set(), new Set(), new Map(), 'value is a Set, and the new code begins with a Map'],
    [
      new Uint8Array(4),
      new Uint8Array(4),
      new Uint8Array(8),
      'value is a Uint8Array of 4 bytes, and the new code begins with a Uint8Array of 8 bytes',
    ],
  ] as const)
    it(`refuses: ${expected}`, () => expect(why(begin, now, next)).to.equal(expected));
});

describe('StateMisfitError', () => {
  it('names class, field and place of each', () => {
    const misfit = { where: 'vcpu 3', owner: 'Counter', field: 'count', why: 'has no place in the new code' };
    const { message, details } = new StateMisfitError([misfit]);
    expect(message).to.include('\n  Counter.count (vcpu 3) has no place in the new code\n');
    expect(details.where).to.equal('Counter.count');
  });
});
