// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { GdbInbox } from '../../../src/bfm/gdb/gdb_inbox.js';

describe('GdbInbox', () => {
  it('gives what comes in, in order, also to who waits', async () => {
    const inbox = new GdbInbox(() => {});
    const waiting = inbox.next();
    inbox.push({ kind: 'opened', isPrivate: false });
    inbox.push({ kind: 'closed' });
    expect([(await waiting).kind, (await inbox.next()).kind]).to.deep.equal(['opened', 'closed']);
    expect(inbox.hasEvent).to.equal(false);
  });

  it('interrupts a machine that runs for a Ctrl-C and a client that comes or goes, and not for a packet', () => {
    const packet = new GdbInbox(() => {});
    packet.push({ kind: 'bytes', bytes: Buffer.from('$g#67') });
    expect(packet.wantsStop).to.equal(false);
    packet.push({ kind: 'bytes', bytes: Uint8Array.of(3) });
    expect(packet.wantsStop).to.equal(true);
    for (const event of [{ kind: 'opened', isPrivate: true }, { kind: 'closed' }, { kind: 'stop' }] as const) {
      const inbox = new GdbInbox(() => {});
      inbox.push(event);
      expect(inbox.wantsStop, event.kind).to.equal(true);
    }
  });

  it('keeps a bounded number of bytes, hears a Ctrl-C in the others, and has room again once they are taken', async () => {
    const inbox = new GdbInbox(() => {});
    const piece = new Uint8Array(1 << 16);
    for (let i = 0; i < 20; i++) inbox.push({ kind: 'bytes', bytes: piece });
    expect(inbox.isInterrupted).to.equal(false);
    inbox.push({ kind: 'bytes', bytes: Uint8Array.from(piece).fill(3) });
    expect(inbox.isInterrupted).to.equal(true);
    let taken = 0;
    while (inbox.hasEvent) taken += (await inbox.next()).kind === 'bytes' ? 1 : 0;
    expect(taken).to.equal(16);
    inbox.push({ kind: 'bytes', bytes: piece });
    expect(inbox.hasEvent).to.equal(true);
  });
});
