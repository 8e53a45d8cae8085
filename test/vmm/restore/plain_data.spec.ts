// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { OwnedRequest, type RequestHolder } from '../../../src/vmm/requests/owned_request.js';
import { fromPlainData, toPlainData, VmmImageError } from '../../../src/vmm/restore/plain_data.js';

const nobody = (): undefined => undefined;

describe('toPlainData', () => {
  it('copies what containers of data hold', () => {
    const value = {
      big: 5n,
      nothing: undefined,
      list: [1, 'two', null],
      map: new Map([[1n, { bytes: Uint8Array.of(1, 2) }]]),
      set: new Set([true]),
    };
    const copy = toPlainData(value, 'x') as typeof value;
    expect(copy).to.deep.equal(value);
    value.map.get(1n)!.bytes[0] = 9;
    value.list.push(7);
    expect(copy.map.get(1n)!.bytes[0]).to.equal(1);
    expect(copy.list).to.have.length(3);
    expect(structuredClone(copy)).to.deep.equal(copy);
  });

  for (const [what, value, found] of [
    ['a function', { deep: [() => {}] }, /x is marked @state\(\) and holds a function.*@derived\(\)/],
    ['an instance of a class', new Map([[1, new (class Thing {})()]]), /holds an instance of Thing/],
    ['a view of data', new DataView(new ArrayBuffer(1)), /holds an instance of DataView/],
  ] as const)
    it(`refuses ${what}`, () => {
      expect(() => toPlainData(value, 'x')).to.throw(VmmImageError, found);
    });
});

describe('toPlainData of data without an end', () => {
  it('refuses what leads back to itself, and what is nested too deeply', () => {
    const loop: unknown[] = [];
    loop.push(new Map([[1, loop]]));
    let deep: unknown = 0;
    for (let level = 0; level < 20_000; level++) deep = { deep };
    for (const value of [loop, deep])
      expect(() => toPlainData(value, 'class Part.field')).to.throw(
        VmmImageError,
        /^class Part\.field is marked @state\(\), and its data leads back to itself, or is nested in more than 1000/,
      );
  });
});

describe('fromPlainData', () => {
  it('gives requests back as handles, those that were disposed too', () => {
    const released: number[] = [];
    const holder: RequestHolder = { owner: 'Holder', release: (id) => void released.push(id) };
    const request = new OwnedRequest(holder, 7, { contribution: 'mine', key: { port: 5 } });
    const data = structuredClone(toPlainData([request], 'x'));
    const [copy] = fromPlainData(data, 'x', (name) => (name === 'Holder' ? holder : undefined)) as [OwnedRequest];
    const { owner, contribution, key, id } = copy;
    expect({ owner, contribution, key, id }).to.deep.equal({
      owner: 'Holder',
      contribution: 'mine',
      key: { port: 5 },
      id: 7,
    });
    copy[Symbol.dispose]();
    expect(released).to.deep.equal([7]);
  });

  it('refuses a request whose owner is unknown', () => {
    const holder: RequestHolder = { owner: 'Holder', release: () => {} };
    const data = toPlainData(new OwnedRequest(holder, 7, { contribution: 'mine', key: 1 }), 'x');
    expect(() => fromPlainData(data, 'x', nobody)).to.throw(VmmImageError, /x refers to a request of Holder/);
  });
});
