// SPDX-License-Identifier: LGPL-2.1-only
// What people and systems do to sockets, folders and hosts: each ends with one message, the right status, and nothing left running.
import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HostClient } from '../../../src/bfm/client/host_client.js';
import { bfm, ended, root, shows, startBfm } from '../bfm_process.js';
import { hostProcess, ownRuntimeFolder } from './host_machine.js';

describe('Odd use of the background host', () => {
  let own: ReturnType<typeof ownRuntimeFolder>;
  before(() => (own = ownRuntimeFolder()));
  after(() => own.close());

  const fails = async (args: readonly string[], wanted: number, message: RegExp): Promise<void> => {
    const { status, stdout, stderr } = await bfm(...args);
    expect(status, stderr).to.equal(wanted);
    expect(stderr)
      .to.match(message)
      .and.to.match(/^bfm: /);
    expect(stderr).to.not.match(/\n\s+at /);
    expect(stdout).to.equal('');
  };

  it('driver_unload without a machine', () => fails(['driver_unload'], 1, /no machine/));

  for (const [what, args, message] of [
    ['a time-out of nothing', ['console', '--timeout', '0'], /--timeout 0: it must be a positive number/],
    ['an empty text', ['console', '--until', ''], /--until wants a text/],
    ['a machine without a name', ['status', '--machine', ''], /--machine '': it must be a name of letters/],
    ['a path as machine', ['driver_load', '--machine', '../x'], /--machine \.\.\/x: it must be a name of letters/],
    ['impossible memory', ['driver_load', '--memory', '0'], /--memory 0/],
    ['an option of run', ['driver_load', '--timeout', '3'], /unknown option '--timeout'/],
  ] as const)
    it(`${what} is usage, whether there is a machine or not`, () => fails(args, 2, message));

  it('names of modules that do not exist, as they were typed', async () => {
    await own.load('m');
    await fails(['load', 'nothing', '--machine', 'm'], 1, /^bfm: load nothing: there is no such file/);
    await fails(['quick', 'nothing', '--machine', 'm'], 1, /^bfm: quick nothing: there is no such file/);
  });

  it('something else where the socket should be', async () => {
    mkdirSync(join(own.sockets, 'folder.sock'), { recursive: true });
    writeFileSync(join(own.sockets, 'file.sock'), 'mine');
    for (const name of ['folder', 'file']) {
      await fails(['status', '--machine', name], 1, /is not a socket.*remove it/);
      await fails(['driver_load', '--machine', name], 1, /is not a socket.*remove it/);
    }
    expect(existsSync(join(own.sockets, 'file.sock')), 'it is not ours to remove').to.equal(true);
  });

  it('a runtime folder that is impossible', async () => {
    const before = process.env.XDG_RUNTIME_DIR;
    try {
      for (const [folder, message] of [
        ['relative', /XDG_RUNTIME_DIR is relative: it must be an absolute path/],
        [join(own.folder, 'nowhere'), /cannot be made.*XDG_RUNTIME_DIR must name an existing folder/],
        [join(own.folder, 'y'.repeat(100)), /too long for a socket.*shorter XDG_RUNTIME_DIR/],
      ] as const) {
        if (folder.endsWith('yyy')) mkdirSync(folder);
        process.env.XDG_RUNTIME_DIR = folder;
        await fails(['status'], 1, message);
        await fails(['driver_load'], 1, message);
      }
    } finally {
      process.env.XDG_RUNTIME_DIR = before;
    }
    chmodSync(own.sockets, 0o755);
    await fails(['status'], 1, /mode 0755.*chmod 700/);
    chmodSync(own.sockets, 0o700);
  });

  it('tells an attached console that its machine was removed', async () => {
    await own.load('removed');
    const console = startBfm(['console', '--machine', 'removed']);
    const result = ended(console);
    await shows(console, 'echoes what you type');
    expect((await bfm('driver_unload', '--machine', 'removed')).status).to.equal(0);
    expect(await result).to.include({
      status: 0,
      stderr: 'bfm: the guest has ended: its machine was removed (bfm driver_unload)\n',
    });
  });

  it('tells an attached console that the host was killed, which is an error', async () => {
    await own.load('killed');
    const console = startBfm(['console', '--machine', 'killed']);
    const result = ended(console);
    await shows(console, 'echoes what you type');
    process.kill(hostProcess(join(own.sockets, 'killed.sock')), 'SIGKILL');
    expect(await result).to.include({ status: 1, stderr: "bfm: the machine's host went away: it was killed\n" });
  });

  it('leaves no machine behind if driver_load ends before it knows whether there is one', async () => {
    // The host as driver_load starts it, by somebody who goes away at once.
    const request = { memoryBytes: 1 << 24, kernel: join(root, 'build/guests/echo.bin'), append: '', modules: [] };
    const path = join(own.sockets, 'orphan.sock');
    const host = spawn(process.execPath, [join(root, 'build/src/bfm/host/host_process.js'), path], {
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const gone = new Promise<number | null>((resolve) => host.once('exit', resolve));
    host.send({ request, path });
    host.disconnect();
    await gone;
    expect(readdirSync(own.sockets)).to.not.include('orphan.sock');
    expect(await HostClient.find('orphan')).to.equal(undefined);
  });
});
