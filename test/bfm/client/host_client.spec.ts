// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { HostClient } from '../../../src/bfm/client/host_client.js';
import { HostError } from '../../../src/bfm/host/host_errors.js';
import { socketPath } from '../../../src/bfm/host/runtime_folder.js';
import { ownRuntimeFolder } from '../host/host_machine.js';

describe('HostClient', () => {
  let own: ReturnType<typeof ownRuntimeFolder>;
  let path: string;
  let servers: Server[];
  before(() => (own = ownRuntimeFolder()));
  after(() => own.close());
  beforeEach(() => {
    servers = [];
    path = socketPath('m');
  });
  afterEach(() => {
    for (const server of servers) server.close();
    rmSync(path, { force: true });
  });

  /** Somebody who listens and says nothing. */
  async function listen(): Promise<void> {
    const server = createServer((socket) => socket.on('error', () => {}).resume());
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(path, resolve));
  }

  /** A socket on which nobody listens any more. */
  async function deadSocket(): Promise<void> {
    await listen();
    renameSync(path, `${path}.kept`);
    await new Promise((resolve) => servers.pop()!.close(resolve));
    renameSync(`${path}.kept`, path);
  }

  it('removes the socket of a dead host', async () => {
    await deadSocket();
    expect(await HostClient.find('m')).to.equal(undefined);
    expect(existsSync(path)).to.equal(false);
  });

  it('finds nobody if somebody else removes the socket of a dead host meanwhile', async () => {
    await deadSocket();
    const found = HostClient.find('m');
    rmSync(path);
    expect(await found).to.equal(undefined);
  });

  it('finds the host that takes the place of a dead one meanwhile', async () => {
    await deadSocket();
    const found = HostClient.find('m');
    rmSync(path);
    const listening = listen();
    const client = await found;
    await listening;
    expect(client).to.be.instanceOf(HostClient);
    expect(existsSync(path), 'its socket').to.equal(true);
    client!.close();
  });

  for (const method of ['status', 'remove', 'stop'] as const)
    it(`does not wait for ever for a host that is stopped to answer ${method}`, async () => {
      await listen();
      const client = await HostClient.connect('m', 50);
      const error = await client.request(method, {}).then(
        () => undefined,
        (reason: unknown) => reason as Error,
      );
      expect(error).to.be.instanceOf(HostError);
      expect(error!.message).to.match(
        /^\w+: the machine's host has not answered for 0\.05 s: its process is stopped.*pgrep -f .*m\.sock; kill -CONT/,
      );
      client.close();
    });
});
