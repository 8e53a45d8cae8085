// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { GuestPageFault } from '../../../src/vmm/emulation/guest_page_fault.js';
import { emulatedGuest, pagedGuest } from './emulated_guest.js';

describe('LinearMemory', () => {
  it('reads what it wrote, across pages that are not neighbours', () => {
    const { words, memory } = pagedGuest();
    words.setUint32(0x200c, 0x5007, true);
    words.setUint32(0x2010, 0x8007, true);
    memory.write(0x3ffen, 4, 0x11223344, 'supervisor');
    expect(memory.read(0x3ffen, 4, 'supervisor')).to.equal(0x11223344);
    expect([words.getUint16(0x5ffe, true), words.getUint16(0x8000, true)]).to.deep.equal([0x3344, 0x1122]);
  });
  it('writes nothing when its second page faults', () => {
    const { words, memory } = pagedGuest();
    words.setUint32(0x200c, 0x5007, true);
    expect(() => memory.write(0x3ffen, 4, 0x11223344, 'supervisor')).to.throw(GuestPageFault);
    expect(words.getUint16(0x5ffe, true)).to.equal(0);
  });
  it('wraps at 4 GiB outside IA-32e mode', () => {
    const { words, memory } = emulatedGuest();
    words.setUint32(0x10, 0x55, true);
    expect(memory.read(0x1_0000_0010n, 4, 'system')).to.equal(0x55);
  });
});
