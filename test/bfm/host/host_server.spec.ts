// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HostServer } from '../../../src/bfm/host/host_server.js';
import type { HostListener, MachineThread } from '../../../src/bfm/host/machine_thread.js';

/** A promise, and what settles it. */
function signal() {
  let fire!: () => void;
  const fired = new Promise<void>((resolve) => (fire = resolve));
  return { fire, fired };
}

/** A message as it is sent on the socket. */
function frame(message: object): string {
  const text = JSON.stringify(message);
  return `Content-Length: ${text.length}\r\n\r\n${text}`;
}

describe('HostServer', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'bfm-server-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('ends the host though the client that removed its machine hangs up before the answer', async () => {
    const [asked, hungUp, removed, ended] = [signal(), signal(), signal(), signal()];
    class Listeners extends Set<HostListener> {
      override delete(listener: HostListener): boolean {
        hungUp.fire();
        return super.delete(listener);
      }
    }
    const machine: Pick<MachineThread, 'listeners' | 'remove'> = {
      listeners: new Listeners(),
      remove: () => (asked.fire(), removed.fired),
    };
    const path = join(folder, 'm.sock');
    const server = new HostServer(machine as MachineThread, ended.fire);
    await server.listen(path);
    const client = connect(path);
    client.write(frame({ jsonrpc: '2.0', id: 1, method: 'remove', params: {} }));
    await asked.fired;
    client.destroy();
    await hungUp.fired;
    removed.fire();
    await ended.fired;
    expect(existsSync(path)).to.equal(false);
  });

  it('keeps no listener of a client that asked to attach and hung up', async () => {
    const clients = 20;
    const allHungUp = signal();
    let hungUp = 0;
    class Listeners extends Set<HostListener> {
      override delete(listener: HostListener): boolean {
        if (++hungUp === clients) allHungUp.fire();
        return super.delete(listener);
      }
    }
    const listeners = new Listeners();
    const machine: Pick<MachineThread, 'listeners' | 'backlog' | 'ending'> = {
      listeners,
      backlog: new Uint8Array(),
      ending: undefined,
    };
    const path = join(folder, 'hasty.sock');
    const server = new HostServer(machine as MachineThread, () => {});
    await server.listen(path);
    const attach = frame({ jsonrpc: '2.0', id: 1, method: 'attach', params: {} });
    for (let at = 0; at < clients; at++) {
      const client = connect(path);
      client.write(attach, () => client.destroy());
    }
    await allHungUp.fired;
    // What a client still asks for is done by the time that the next one gets an answer.
    const last = connect(path);
    last.write(attach);
    await new Promise((resolve) => last.once('data', resolve));
    expect(listeners.size).to.equal(1);
    last.destroy();
    server.close();
  });
});
