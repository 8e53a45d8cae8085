// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { BusConflictError } from '../../../../src/machine/devices/bus_conflict_error.js';
import { FreePlaces } from '../../../../src/machine/devices/pci/free_places.js';

describe('FreePlaces', () => {
  it('gives places that their size divides, one behind the other', () => {
    const places = new FreePlaces({ first: 0xc000, last: 0xffff });
    expect([0x10, 0x100, 0x4].map((bytes) => places.take(bytes))).to.deep.equal([0xc000, 0xc100, 0xc200]);
  });

  it('says that the window is full', () => {
    const places = new FreePlaces({ first: 0xff00, last: 0xffff });
    expect(places.take(0x100)).to.equal(0xff00);
    expect(() => places.take(4)).to.throw(BusConflictError, 'no room for 4 more bytes between 0xff00 and 0xffff');
  });
});
