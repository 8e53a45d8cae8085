// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { equalData } from '../../../src/vmm/state/equal_data.js';

class Thing {
  constructor(readonly value: unknown) {}
}

function ring(length: number): object {
  const first: { next?: object; length: number } = { length };
  first.next = { next: first, length };
  return first;
}

describe('equalData', () => {
  const make = (n: number): Readonly<Record<string, unknown>> => ({
    big: BigInt(n),
    list: [n, null, undefined, NaN],
    map: new Map([[{ key: n }, new Set([n])]]),
    bytes: Uint8Array.of(n, 2),
    things: new Thing({ n }),
    ring: ring(n),
  });

  it('compares what values hold', () => {
    expect(equalData(make(1), make(1))).to.equal(true);
    for (const key of Object.keys(make(1))) expect(equalData(make(1)[key], make(2)[key]), key).to.equal(false);
  });

  for (const [what, a, b] of [
    ['of other classes', new Thing(1), { value: 1 }],
    ['of another type', 1, 1n],
    ['with another key', { a: undefined }, { b: undefined }],
    ['with one entry more', [1], [1, 2]],
    ['in another order', new Set([1, 2]), new Set([2, 1])],
    ['0 and −0', 0, -0],
    ['null and an object', null, {}],
    ['a map and a set', new Map([[1, 1]]), new Set([1])],
    ['two functions', () => {}, () => {}],
    ['two dates', new Date(0), new Date(1)],
    ['two buffers', Uint8Array.of(1).buffer, Uint8Array.of(2).buffer],
    ['two maps that nobody can look into', new WeakMap(), new WeakMap()],
    ['two promises', Promise.resolve(), Promise.resolve()],
  ] as const)
    it(`tells apart values ${what}`, () => {
      expect(equalData(a, b)).to.equal(false);
      expect(equalData(b, a)).to.equal(false);
      expect(equalData(a, a)).to.equal(true);
    });
});
