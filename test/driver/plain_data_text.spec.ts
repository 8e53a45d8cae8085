// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { isDeepStrictEqual } from 'node:util';
import { plainDataFromText, plainDataToText } from '../../src/driver/plain_data_text.js';

const roundTrip = (value: unknown): unknown => plainDataFromText(plainDataToText(value));

describe('plainDataToText', () => {
  for (const [what, value] of [
    ['texts, flags and null', ['', 'bigint', 'ä\u0000"', true, false, null]],
    ['numbers', [0, -0, 1.5, -1, NaN, Infinity, -Infinity, 2 ** 53]],
    ['bigints', [0n, -1n, 1n << 70n]],
    ['undefined', { a: undefined, b: [undefined] }],
    [
      'maps and sets',
      new Map<unknown, unknown>([
        [1n, new Set(['x', { y: [] }])],
        [{ key: 1 }, new Map()],
      ]),
    ],
    ['lists that look like types', [['bigint', '5'], ['list'], []]],
    [
      'bytes',
      [Uint8Array.of(0, 255), Uint32Array.of(1, 2 ** 32 - 1), BigUint64Array.of(1n << 63n), Float64Array.of(0.1)],
    ],
    ['a part of a buffer', new Uint8Array(Uint8Array.of(1, 2, 3, 4).buffer, 1, 2)],
    ['keys of any name', JSON.parse('{"__proto__": {"x": 1}, "constructor": 2, "": 3}') as object],
  ] as const)
    it(`is read back: ${what}`, () => {
      expect(isDeepStrictEqual(roundTrip(value), structuredClone(value))).to.equal(true);
    });
});

describe('plainDataFromText', () => {
  for (const [text, why] of [
    ['{', /JSON/],
    ['["Function", "x"]', /there is no type "Function"/],
    ['[5]', /there is no type 5/],
    ['[]', /there is no type undefined/],
    ['["bigint", "0x10"]', /bigint/],
    ['["bigint", 5]', /bigint/],
    ['["number", "5"]', /number/],
    ['["Uint8Array", "0g"]', /hexadecimal/],
    ['["Uint8Array"]', /hexadecimal/],
    ['["Uint32Array", "00"]', /length|multiple/],
    ['["Map", ["list", 1]]', undefined],
    ['["Map", 5]', /entry of a Map/],
  ] as const)
    it(`${why === undefined ? 'takes' : 'refuses'} ${text}`, () => {
      const read = (): unknown => plainDataFromText(text);
      if (why === undefined) expect(read()).to.deep.equal(new Map([['list', 1]]));
      else expect(read).to.throw(Error, why);
    });
});
