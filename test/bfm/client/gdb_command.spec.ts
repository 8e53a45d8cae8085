// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bfm } from '../bfm_process.js';
import { GdbSocket } from '../gdb/gdb_socket.js';
import { ownRuntimeFolder } from '../host/host_machine.js';

const hasGdb = spawnSync('gdb', ['--version']).status === 0;

describe('bfm gdb', () => {
  let own!: ReturnType<typeof ownRuntimeFolder>;
  before(() => {
    own = ownRuntimeFolder();
  });
  let client: GdbSocket | undefined;
  afterEach(() => client?.hangUp());
  after(() => own.close());
  const on = (...args: string[]) => bfm(...args, '--machine', 'm');

  it('opens a private socket at a machine in the background, for one client of GDB, and closes it', async () => {
    const path = join(own.sockets, 'm.gdb');
    const hint = `waits for GDB: gdb -ex 'target remote ${path}'\n`;
    const loaded = await own.load('m', ...['--guest', 'echo', '--memory', '16M', '--gdb', '--wait']);
    expect(loaded).to.deep.equal({ status: 0, stdout: '', stderr: `bfm: ${hint}` });
    if (process.getuid !== undefined) expect(statSync(path).mode & 0o777).to.equal(0o600);
    client = await GdbSocket.dial(path);
    const [evaluated, again, other, wrong] = await Promise.all([
      on('eval', 'machine.instructions'),
      on('gdb'),
      on('gdb', '0'),
      on('gdb', 'localhost:1'),
    ]);
    expect(evaluated.stdout).to.equal('0\n');
    expect(again).to.deep.equal({ status: 0, stdout: hint, stderr: '' });
    expect([other.status, other.stderr]).to.deep.equal([
      1,
      `bfm: gdb: the machine has a port for GDB at ${path}: bfm gdb off closes it\n`,
    ]);
    expect(wrong.status).to.equal(2);
    expect(wrong.stderr).to.match(/^bfm: gdb localhost:1: it must be a port from 0 to 65535/);
    expect(await on('gdb', 'off')).to.deep.equal({ status: 0, stdout: '', stderr: '' });
    await client.closed;
    expect(existsSync(path)).to.equal(false);
  });

  it('lets stock GDB attach, step and detach', async function () {
    if (!hasGdb) {
      if (process.env.CI === 'true') throw new Error('CI needs gdb');
      this.skip();
    }
    const path = join(own.sockets, 'm.gdb');
    expect((await on('gdb')).status).to.equal(0);
    const commands = [`target remote ${path}`, 'info threads', 'stepi', 'monitor where', 'detach'];
    const { stdout, stderr } = await promisify(execFile)('gdb', [
      ...['-q', '-nx', '-batch'],
      ...commands.flatMap((command) => ['-ex', command]),
    ]);
    expect(stdout + stderr)
      .to.include('processor 0')
      .and.match(/instruction [\d ]+ of all processors/);
    expect((await on('status')).stdout).to.equal('VMM_UNLOADED\n');
  });
});
