// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import {
  addTo,
  bytesOf,
  copyWide,
  difference,
  setBigInt,
  toBigInt,
  wide,
} from '../../../../src/machine/devices/hpet/wide.js';

const mask = 2n ** 64n - 1n;
const samples = [0n, 1n, 0x7fffffffn, 0xffffffffn, 0x100000000n, 0x1234567890abcdefn, 2n ** 63n, mask - 1n, mask];

function of(value: bigint): ReturnType<typeof wide> {
  const number = wide();
  setBigInt(number, value);
  return number;
}

describe('Wide', () => {
  it('holds 64 bits in two halves', () => {
    expect(of(0x1234567890abcdefn)).to.deep.equal({ low: 0x90abcdef, high: 0x12345678 });
    for (const value of samples) expect(toBigInt(of(value))).to.equal(value);
    const copy = wide();
    copyWide(copy, of(mask));
    expect(toBigInt(copy)).to.equal(mask);
  });

  it('adds modulo 2^64', () => {
    for (const value of samples)
      for (const addend of [0, 1, 0xffffffff, 0x100000000, 2 ** 52 + 1, Number.MAX_SAFE_INTEGER]) {
        const sum = of(value);
        addTo(sum, addend);
        expect(toBigInt(sum), `${value} + ${addend}`).to.equal((value + BigInt(addend)) & mask);
      }
  });

  it('subtracts modulo 2^64 or 2^32, exactly where a number can be', () => {
    for (const from of samples)
      for (const less of samples) {
        const all = (from - less) & mask;
        expect(difference(of(from), of(less), false), `${from} - ${less}`).to.equal(Number(all));
        expect(difference(of(from), of(less), true)).to.equal(Number(all & 0xffffffffn));
      }
  });

  it('gives bytes from any place, zeros beyond the end', () => {
    for (const value of samples)
      for (const size of [1, 2, 4] as const)
        for (let first = 0; first < 8; first++)
          expect(bytesOf(of(value), first, size), `${size} of ${value} at ${first}`).to.equal(
            Number(BigInt.asUintN(8 * size, value >> BigInt(8 * first))),
          );
  });

  it('takes numbers that are no halves, as a damaged snapshot may have them', () => {
    expect(toBigInt({ low: 0.5, high: -1 })).to.equal(0xffffffff00000000n);
  });
});
