// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HostServer } from '../../../src/bfm/host/host_server.js';
import type { HostListener, MachineHost } from '../../../src/bfm/host/machine_host.js';

/** A promise, and what settles it. */
function signal() {
  let fire!: () => void;
  const fired = new Promise<void>((resolve) => (fire = resolve));
  return { fire, fired };
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
    const host: Pick<MachineHost, 'listeners' | 'remove'> = {
      listeners: new Listeners(),
      remove: () => (asked.fire(), removed.fired),
    };
    const path = join(folder, 'm.sock');
    const server = new HostServer(host as MachineHost, ended.fire);
    await server.listen(path);
    const client = connect(path);
    const request = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'remove', params: {} });
    client.write(`Content-Length: ${request.length}\r\n\r\n${request}`);
    await asked.fired;
    client.destroy();
    await hungUp.fired;
    removed.fire();
    await ended.fired;
    expect(existsSync(path)).to.equal(false);
  });
});
