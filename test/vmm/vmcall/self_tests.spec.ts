// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import sinon from 'sinon';
import { unittestIds } from '../../../src/vmm/vmcall/self_tests.js';
import { failure, vmcallGuest } from './vmcall_guest.js';

describe('VMCALLs', () => {
  describe('unittest', () => {
    for (const [id, name] of Object.entries(unittestIds)) {
      it(`0x${Number(id).toString(16)} (${name}) passes`, () => {
        expect(vmcallGuest().call({ r00: 10n, r02: BigInt(id) }).r01).to.equal(0n);
      });
    }

    it('fails when what it tests does not work', () => {
      const { call, output } = vmcallGuest();
      const sort = sinon.stub(Uint32Array.prototype, 'sort');
      try {
        expect(call({ r00: 10n, r02: 0x1001n }).r01).to.equal(failure);
      } finally {
        sort.restore();
      }
      expect(output()).to.include('self test failed: a typed array sorts');
    });

    it('fails for unknown ids, the user’s too by default', () => {
      const { call, output } = vmcallGuest();
      expect(call({ r00: 10n, r02: 0x2000n }).r01).to.equal(failure);
      expect(output()).to.match(/unknown unittest 0x2000; there are 0x1001/);
      expect(call({ r00: 10n, r02: (1n << 63n) | 1n }).r01).to.equal(failure);
    });
  });
});
