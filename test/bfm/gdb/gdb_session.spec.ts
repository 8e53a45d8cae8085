// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import { assemble } from '../../support/assembler.js';
import { framed } from '../../../src/bfm/gdb/packet_framing.js';
import { GdbClient, sessionOf } from './gdb_client.js';

const at = (offset: number): string => (FLAT_IMAGE_ADDRESS + offset).toString(16);
const endless = assemble(['again: jmp again'], 64, FLAT_IMAGE_ADDRESS);
const code = assemble(['mov ecx, 5', 'cli', 'hlt'], 64, FLAT_IMAGE_ADDRESS);
const client = async (image: Uint8Array): Promise<GdbClient> => new GdbClient(await sessionOf(image)).attach();

describe('GdbSession', () => {
  it('is interrupted, detached and killed', async () => {
    const gdb = await client(endless);
    const stopped = gdb.ask('c');
    await new Promise((resolve) => setImmediate(resolve));
    gdb.send('\x03');
    expect(await stopped).to.equal('T02thread:01;');
    expect(gdb.held).to.deep.equal([true, false, true]);
    expect(await gdb.ask('D')).to.equal('OK');
    gdb.hangUp();
    await new Promise((resolve) => setImmediate(resolve));
    gdb.attach();
    expect(await gdb.ask('?')).to.equal('T05thread:01;');
    expect(await gdb.ask('vKill;1')).to.equal('OK');
    expect(await gdb.done).to.deep.equal({ end: undefined });
  });

  it('is interrupted by a Ctrl-C that comes at once behind the packet, and not by one before it', async () => {
    const gdb = await client(endless);
    gdb.send(`${framed('c')}\x03`);
    expect(await gdb.reply()).to.equal('T02thread:01;');
    gdb.send(framed('c'));
    gdb.send('\x03');
    expect(await gdb.reply()).to.equal('T02thread:01;');
    gdb.send(`\x03${framed('s')}`);
    expect(await gdb.reply()).to.equal('T05thread:01;');
    gdb.endRun();
    await gdb.done;
  });

  it('lets the machine run on when its client hangs up, and ends with the run', async () => {
    const gdb = await client(endless);
    await gdb.ask(`Z0,${at(0)},1`);
    gdb.hangUp();
    await new Promise((resolve) => setImmediate(resolve));
    expect(gdb.session.pc.stops.isMet).to.equal(false);
    gdb.attach();
    await gdb.ask('?');
    gdb.endRun();
    expect((await gdb.done).end).to.not.equal(undefined);
  });

  it('does not wait for a client if it need not', async () => {
    const gdb = new GdbClient(await sessionOf(code), { waits: false });
    expect((await gdb.done).end).to.not.equal(undefined);
    expect(gdb.session.end?.kind).to.equal('dead');
  });
});
