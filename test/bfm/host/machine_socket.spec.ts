// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { linkSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MachineRunsError } from '../../../src/bfm/host/host_errors.js';
import { dial, privatePath, publishSocket, removeDeadSocket } from '../../../src/bfm/host/machine_socket.js';

describe('The name of a socket', () => {
  let folder: string;
  let path: string;
  const servers: Server[] = [];

  const listenAt = (where: string): Promise<Server> =>
    new Promise((resolve) => {
      const server = createServer((socket) => socket.destroy());
      servers.push(server);
      server.listen(where, () => resolve(server));
    });
  /** A socket whose host was killed: its name is left, and nobody listens. */
  const leaveDead = async (): Promise<void> => {
    const server = await listenAt(join(folder, 'before'));
    linkSync(join(folder, 'before'), path);
    await new Promise((resolve) => server.close(resolve));
  };
  const answers = async (): Promise<boolean> =>
    dial(path).then(
      (socket) => (socket.destroy(), true),
      () => false,
    );

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bfm-socket-'));
    path = join(folder, 'm.sock');
  });
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('leads to a host that listens already, and nothing else is left', async () => {
    await listenAt(privatePath(path));
    publishSocket(privatePath(path), path);
    expect(await answers()).to.equal(true);
    expect(readdirSync(folder)).to.deep.equal(['m.sock']);
  });

  it('belongs to the first host; the second is refused, with the name of the machine', async () => {
    await listenAt(path);
    await listenAt(privatePath(path));
    expect(() => publishSocket(privatePath(path), path)).to.throw(MachineRunsError, /^machine m runs already/);
    expect(readdirSync(folder)).to.deep.equal(['m.sock']);
  });

  it('is removed if its host was killed', async () => {
    await leaveDead();
    expect(await answers()).to.equal(false);
    await removeDeadSocket(path);
    expect(readdirSync(folder)).to.deep.equal([]);
  });

  it('is kept if a new host has it by the time that the dead one would be removed', async () => {
    await listenAt(path);
    await removeDeadSocket(path);
    expect(await answers()).to.equal(true);
    expect(readdirSync(folder)).to.deep.equal(['m.sock']);
  });

  it('may have been removed by another command', async () => {
    await removeDeadSocket(path);
    expect(readdirSync(folder)).to.deep.equal([]);
  });
});
