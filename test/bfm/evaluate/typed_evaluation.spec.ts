// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { TypedEvaluation } from '../../../src/bfm/evaluate/typed_evaluation.js';
import { BareflankError } from '../../../src/intrinsics/errors.js';
import { raceGuest } from '../../machine/race_guest.js';
import { sessionOf } from '../gdb/gdb_client.js';

describe('TypedEvaluation', () => {
  let evaluation: TypedEvaluation;
  before(async () => {
    const session = await sessionOf(raceGuest(1, 1));
    evaluation = new TypedEvaluation({ session, driver: undefined, isRecorded: true });
  });

  it('takes TypeScript, keeps variables, and knows that there is no VMM', async () => {
    expect(await evaluation.evaluate('const count: number = machine.processors')).to.equal(undefined);
    expect(await evaluation.evaluate('({ count, rip: vcpu(0).registers.RIP })')).to.equal(
      '{ count: 1, rip: 0x200000n }',
    );
    expect(await evaluation.evaluate('String(vmm)')).to.equal("'undefined'");
  });

  it('says what is wrong, and changes nothing of a recorded run', async () => {
    for (const [text, reason] of [
      ['(', /^eval:1:/],
      ['nobody', /^ReferenceError: nobody is not defined/],
      ["write.register(0, 'RAX', 1n)", /record/],
    ] as const) {
      const error: unknown = await evaluation.evaluate(text).catch((failure: unknown) => failure);
      expect(error, text).to.be.instanceOf(BareflankError);
      expect((error as Error).message).to.match(reason);
    }
  });
});
