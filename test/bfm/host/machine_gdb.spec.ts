// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { once } from 'node:events';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { FileError } from '../../../src/bfm/failures/file_error.js';
import type { GdbEvent } from '../../../src/bfm/gdb/gdb_inbox.js';
import { CommandError } from '../../../src/bfm/host/host_errors.js';
import { MachineGdb, ownGdbSocket, type WantedPort } from '../../../src/bfm/host/machine_gdb.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

const folder = temporaryFolder();
const at = (path: string): WantedPort => ({ address: { kind: 'unix', path }, isOwn: false });

/** @returns what a promise is rejected with */
const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('MachineGdb', () => {
  const heard: GdbEvent['kind'][] = [];
  let wake = (): void => {};
  let gdb: MachineGdb;
  beforeEach(() => {
    heard.length = 0;
    gdb = new MachineGdb(({ kind }) => {
      heard.push(kind);
      wake();
    });
  });
  afterEach(() => gdb.close());

  it("has the machine's own socket by default, over that of a host that was killed", async () => {
    const own = ownGdbSocket(join(folder.path, 'm.sock'));
    const path = join(folder.path, 'm.gdb');
    expect(own).to.deep.equal({ address: { kind: 'unix', path }, isOwn: true });
    writeFileSync(path, '');
    expect(await Promise.all([gdb.listen(own), gdb.listen(own)])).to.deep.equal([path, path]);
    if (process.getuid !== undefined) expect(statSync(path).mode & 0o777).to.equal(0o600);
    await gdb.close();
    expect(existsSync(path)).to.equal(false);
  });

  it('is one port', async () => {
    const target = await gdb.listen({ address: { kind: 'tcp', port: 0 }, isOwn: false });
    const error = await failure(gdb.listen(at(join(folder.path, 'other'))));
    expect(error).to.be.instanceOf(CommandError);
    expect((error as Error).message).to.equal(
      `gdb: the machine has a port for GDB at ${target}: bfm gdb off closes it`,
    );
    await gdb.close();
    expect(await gdb.listen(at(join(folder.path, 'other')))).to.equal(join(folder.path, 'other'));
  });

  it('refuses a path that is in use, and a folder that others can change', async () => {
    writeFileSync(join(folder.path, 'there'), 'precious');
    expect(await failure(gdb.listen(at(join(folder.path, 'there'))))).to.be.instanceOf(FileError);
    mkdirSync(join(folder.path, 'open'), { mode: 0o755 });
    if (process.getuid !== undefined)
      expect(await failure(gdb.listen(at(join(folder.path, 'open', 's'))))).to.be.instanceOf(FileError);
    expect(existsSync(join(folder.path, 'open', 's'))).to.equal(false);
  });

  it('says that its client has gone when it is closed, and nothing of that client afterwards', async () => {
    const path = await gdb.listen(at(join(folder.path, 's')));
    const opened = new Promise<void>((resolve) => (wake = resolve));
    const client = connect(path);
    await opened;
    await gdb.close();
    client.write('$?#3f');
    client.end();
    await once(client, 'close');
    expect(heard).to.deep.equal(['opened', 'closed']);
    await gdb.close();
    expect(heard).to.deep.equal(['opened', 'closed']);
  });
});
