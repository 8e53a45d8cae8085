// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { fuzzMailbox } from '../../../extensions/hypervisor_example_fuzzing/fuzz_mailbox.js';

describe('fuzzMailbox', () => {
  it('finds the planted mistake by the branches that the guest takes, the same one each time, and not without them', async () => {
    const found = await fuzzMailbox({ seed: 5, executions: 5000 });
    expect(found.failure!.detail).to.match(/io_instruction.*handler mailbox: RangeError/);
    const [first, second, operation, place, length] = found.failure!.input;
    expect([first, second, operation]).to.deep.equal([0x42, 0x46, 0x57]);
    expect(place! + length!).to.be.greaterThan(32);
    expect(await fuzzMailbox({ seed: 5, executions: 5000 })).to.deep.equal(found);
    const { executions } = found;
    expect(await fuzzMailbox({ seed: 5, executions, isGuided: false })).to.deep.equal({ executions, kept: 0 });
  });
});
