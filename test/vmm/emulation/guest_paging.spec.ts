// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { GuestPageFault } from '../../../src/vmm/emulation/guest_page_fault.js';
import { pagedGuest } from './emulated_guest.js';

describe('GuestPaging', () => {
  describe('.translate', () => {
    it('sets accessed and dirty flags as the access asks', () => {
      const { words, paging } = pagedGuest();
      words.setUint32(0x2000 + 4 * 3, 0x5007, true);
      expect(paging.translate(0x3123n, 'read', 'user')).to.equal(0x5123n);
      expect([words.getUint32(0x1000, true), words.getUint32(0x200c, true)]).to.deep.equal([0x2027, 0x5027]);
      paging.translate(0x3123n, 'write', 'user');
      expect(words.getUint32(0x200c, true)).to.equal(0x5067);
    });
    for (const [what, entry, direction, maker, code] of [
      ['a page that is not present', 0x5006, 'read', 'supervisor', 0],
      ['a write of a read-only page', 0x5005, 'write', 'supervisor', 3],
      ['a user access of a supervisor page', 0x5003, 'read', 'user', 5],
    ] as const) {
      it(`faults for ${what}, and marks nothing`, () => {
        const { words, paging } = pagedGuest();
        words.setUint32(0x200c, entry, true);
        expect(() => paging.translate(0x3123n, direction, maker))
          .to.throw(GuestPageFault)
          .that.includes({ address: 0x3123n, errorCode: code });
        expect([words.getUint32(0x1000, true), words.getUint32(0x200c, true)]).to.deep.equal([0x2007, entry]);
      });
    }
  });
});
