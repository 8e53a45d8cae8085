// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Typist } from '../../../src/bfm/console/typist.js';

describe('Typist', () => {
  it('keeps what is typed in order, drops what is too much, and says so once', async () => {
    const sent: string[] = [];
    const complaints: string[] = [];
    let release = (): void => {};
    const typist = new Typist(
      (bytes) => {
        sent.push(Buffer.from(bytes).toString());
        return new Promise((resolve) => (release = resolve));
      },
      (text) => complaints.push(text),
      4,
    );
    for (const text of ['ab', 'cd', 'x', 'y']) typist.type(Buffer.from(text));
    for (let turn = 0; turn < 10; turn++) {
      release();
      await Promise.resolve();
    }
    typist.type(Buffer.from('e'));
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    expect(sent).to.deep.equal(['ab', 'cd', 'e']);
    expect(complaints).to.deep.equal(['the guest does not read its input: input beyond 4 bytes is dropped']);
  });

  it('says why the guest cannot be reached', async () => {
    const complaint = new Promise((resolve) => {
      new Typist(() => Promise.reject(new Error('the machine ended')), resolve).type(Uint8Array.of(1));
    });
    expect(await complaint).to.equal('the machine ended');
  });
});
