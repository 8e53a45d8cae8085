// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileError } from '../../../src/bfm/failures/file_error.js';
import type { GdbEvent } from '../../../src/bfm/gdb/gdb_inbox.js';
import { GdbPort } from '../../../src/bfm/gdb/gdb_port.js';

/** Takes events, and waits for one of a kind. */
class Events {
  readonly all: GdbEvent[] = [];
  private wake: () => void = () => {};
  readonly take = (event: GdbEvent): void => {
    this.all.push(event);
    this.wake();
  };

  async until(kind: GdbEvent['kind'], count = 1): Promise<void> {
    while (this.all.filter((event) => event.kind === kind).length < count)
      await new Promise<void>((resolve) => (this.wake = resolve));
  }
}

describe('GdbPort', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gdb-'));
  const ports: GdbPort[] = [];
  const sockets: Socket[] = [];
  const listen = async (address: Parameters<typeof GdbPort.listen>[0], events = new Events()): Promise<GdbPort> => {
    const port = await GdbPort.listen(address, events.take);
    ports.push(port);
    return port;
  };
  const dial = (to: string | number): Socket => {
    const socket = typeof to === 'number' ? connect(to, '127.0.0.1') : connect(to);
    sockets.push(socket);
    return socket;
  };
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const port of ports.splice(0)) port.close();
  });
  after(() => rmSync(folder, { recursive: true }));

  it('is a socket that its owner alone can open, and is gone at the end', async () => {
    const path = join(folder, 's');
    const port = await listen({ kind: 'unix', path });
    expect(port.target).to.equal(path);
    if (process.getuid !== undefined) expect(statSync(path).mode & 0o777).to.equal(0o600);
    port.close();
    expect(existsSync(path)).to.equal(false);
  });

  it('passes bytes on, both ways, to one client at a time', async () => {
    const events = new Events();
    const { target } = await listen({ kind: 'tcp', port: 0 }, events);
    const number = Number(target.slice(1));
    const first = dial(number);
    await events.until('opened');
    const second = dial(number);
    await once(second, 'close');
    first.write('$?#3f');
    await events.until('bytes');
    const answer = once(first, 'data');
    ports[0]!.send('$\xff#ff');
    expect((await answer)[0]).to.deep.equal(Buffer.from('$\xff#ff', 'latin1'));
    first.destroy();
    await events.until('closed');
    dial(number);
    await events.until('opened', 2);
  });

  it('hangs up on a client that does not begin as GDB does, such as a page in a browser', async () => {
    const events = new Events();
    const { target } = await listen({ kind: 'tcp', port: 0 }, events);
    const page = dial(Number(target.slice(1)));
    page.write('POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n$k#6b');
    await events.until('closed');
    expect(events.all.map(({ kind }) => kind)).to.deep.equal(['opened', 'closed']);
  });

  it('knows which clients can be nobody but its owner', async () => {
    const events = new Events();
    const path = join(folder, 'own');
    await listen({ kind: 'unix', path }, events);
    dial(path);
    await events.until('opened');
    const { target } = await listen({ kind: 'tcp', port: 0 }, events);
    dial(Number(target.slice(1)));
    await events.until('opened', 2);
    expect(events.all).to.deep.equal([
      { kind: 'opened', isPrivate: true },
      { kind: 'opened', isPrivate: false },
    ]);
  });

  it('hangs up on a client that reads nothing', async () => {
    const events = new Events();
    const port = await listen({ kind: 'tcp', port: 0 }, events);
    dial(Number(port.target.slice(1))).pause();
    await events.until('opened');
    // What the system takes for the client does not count, so more than the bound is sent.
    for (let i = 0; i < 64; i++) port.send('x'.repeat(1 << 20));
    await events.until('closed');
  });

  it('says which address cannot be opened', async () => {
    const { target } = await listen({ kind: 'tcp', port: 0 });
    const port = Number(target.slice(1));
    const error: unknown = await GdbPort.listen({ kind: 'tcp', port }, () => {}).catch((failure: unknown) => failure);
    expect(error).to.be.instanceOf(FileError);
    expect((error as Error).message).to.include(`port ${port}`);
  });
});
