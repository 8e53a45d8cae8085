// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { AttachedConsole } from '../../../src/bfm/host/attached_console.js';

/** A client whose socket takes notifications only when `read` is called. */
function client(most: number) {
  const sent: [string, object][] = [];
  const waiting: (() => void)[] = [];
  const send = (method: string, params: object): Promise<void> => {
    sent.push([method, params]);
    return new Promise((resolve) => waiting.push(resolve));
  };
  return {
    console: new AttachedConsole(send, most),
    sent,
    async read(): Promise<void> {
      for (const taken of waiting.splice(0)) taken();
      await Promise.resolve();
      await Promise.resolve();
    },
  };
}

const data = (text: string): { data: string } => ({ data: Buffer.from(text).toString('base64') });

describe('AttachedConsole', () => {
  it('sends what comes, console and VMM apart', () => {
    const { console, sent } = client(100);
    console.console(Buffer.from('guest'));
    console.vmm(Buffer.from('log'));
    console.ended('over');
    expect(sent).to.deep.equal([
      ['console', data('guest')],
      ['vmm', data('log')],
      ['ended', { detail: 'over' }],
    ]);
  });

  it('drops what a client does not read, and tells it how much once it reads again', async () => {
    const { console, sent, read } = client(8);
    for (const text of ['1234', '5678', 'lost', 'x']) console.console(Buffer.from(text));
    expect(sent).to.deep.equal([
      ['console', data('1234')],
      ['console', data('5678')],
    ]);
    console.ended('over');
    await read();
    expect(sent.slice(2)).to.deep.equal([
      ['ended', { detail: 'over' }],
      ['dropped', { bytes: 5 }],
    ]);
    console.vmm(Buffer.from('again'));
    expect(sent.at(-1)).to.deep.equal(['vmm', data('again')]);
  });
});
