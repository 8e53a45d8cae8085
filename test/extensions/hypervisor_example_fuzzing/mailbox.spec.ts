// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Mailbox } from '../../../extensions/hypervisor_example_fuzzing/mailbox.js';

const [data, status] = [0x5f0, 0x5f1];

/** Sends a message to a new mailbox. @returns the status after each byte */
function answers(...bytes: readonly number[]): number[] {
  const mailbox = new Mailbox();
  return bytes.map((byte) => {
    expect(mailbox.handlePortWrite(data, 1, byte)).to.equal(true);
    return mailbox.handlePortRead(status)!;
  });
}

describe('Mailbox', () => {
  it('takes a message byte by byte, and the next one after it', () => {
    const message = [0x42, 0x46, 0x57, 10, 2, 7, 8];
    expect(answers(...message, ...message)).to.deep.equal([1, 2, 3, 4, 5, 5, 6, 1, 2, 3, 4, 5, 5, 6]);
  });

  it('refuses a wrong byte, and begins again', () => {
    expect(answers(0x43, 0x42)).to.deep.equal([7, 1]);
    expect(answers(0x42, 0)).to.deep.equal([1, 7]);
    expect(answers(0x42, 0x46, 0)).to.deep.equal([1, 2, 7]);
    expect(answers(0x42, 0x46, 0x57, 32)).to.deep.equal([1, 2, 3, 7]);
    expect(answers(0x42, 0x46, 0x57, 0, 0)).to.deep.equal([1, 2, 3, 4, 7]);
    expect(answers(0x42, 0x46, 0x57, 0, 33)).to.deep.equal([1, 2, 3, 4, 7]);
  });

  it('answers no other port', () => {
    const mailbox = new Mailbox();
    expect(mailbox.handlePortRead(data)).to.equal(undefined);
    expect(mailbox.handlePortWrite(status, 1, 0)).to.equal(false);
  });

  it('has the planted mistake: data may go beyond the end', () => {
    expect(answers(0x42, 0x46, 0x57, 31, 1, 0)).to.deep.equal([1, 2, 3, 4, 5, 6]);
    expect(() => answers(0x42, 0x46, 0x57, 31, 2, 0, 0)).to.throw(RangeError);
  });
});
