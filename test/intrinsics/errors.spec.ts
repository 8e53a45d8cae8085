// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { BareflankError, ProcessorFault, VmmPageFault } from '../../src/intrinsics/errors.js';

describe('The errors of the intrinsics', () => {
  it('say what missed the VMM’s page table, and in which entry, if that is known', () => {
    const miss = new VmmPageFault(0x1234n, 'read');
    expect(miss.message).to.equal("the VMM's read at 0x1234 is not mapped by its page table");
    expect([miss.address, miss.access, miss.name]).to.deep.equal([0x1234n, 'read', 'VmmPageFault']);
    expect(new VmmPageFault(0x1234n, 'write', 'read-only').message).to.match(/0x1234 is not mapped .*: read-only$/);
  });

  it('carry the vector and error code that the processor would raise', () => {
    const fault = new ProcessorFault(13, 0x18, 'LTR of 0x18');
    expect([fault.vector, fault.errorCode, fault.message]).to.deep.equal([13, 0x18, 'LTR of 0x18']);
    expect(fault).to.be.instanceOf(BareflankError);
  });
});
