// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MachineThread } from '../../../src/bfm/host/machine_thread.js';
import { readRecording } from '../../../src/bfm/recording/read_recording.js';
import type { RunRequest } from '../../../src/bfm/worker/run_request.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { GdbSocket } from '../gdb/gdb_socket.js';
import { plainRun } from '../recording/own_run.js';

const folder = temporaryFolder();

/** Waits until the machine, which runs in another thread, has come to where a look succeeds. */
async function until(look: () => Promise<boolean>): Promise<void> {
  while (!(await look())) await new Promise((resolve) => setImmediate(resolve));
}

describe('HostedGdb', () => {
  let machine: MachineThread;
  const clients: GdbSocket[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) client.hangUp();
    await machine.close();
  });

  /** Starts a machine in the background. @param killed called when a client of GDB ends it */
  async function start(request: RunRequest, killed?: () => void): Promise<void> {
    machine = new MachineThread(request, killed);
    await machine.started();
  }

  async function attached(): Promise<GdbSocket> {
    const target = await machine.openGdb({ address: { kind: 'unix', path: join(folder.path, 'm.gdb') }, isOwn: true });
    const client = await GdbSocket.dial(target);
    clients.push(client);
    return client;
  }

  const evaluated = async (code: string): Promise<string | undefined> =>
    (await machine.request('evaluate', { code })).text;
  const refusal = (asked: Promise<unknown>): Promise<string> =>
    asked.then(
      () => 'no error',
      (error: Error) => error.message,
    );

  it('holds a machine from its first instruction on; other clients are answered, unless they want a moment', async () => {
    await start(plainRun('echo', { gdb: { waits: true } }));
    // No turn has begun: a driver may be called.
    await machine.request('load', { files: [] });
    const gdb = await attached();
    expect(gdb.status).to.equal('T05thread:01;');
    expect(await evaluated('machine.instructions')).to.equal('0');
    expect(await gdb.ask('vCont;s:1')).to.equal('T05thread:01;');
    expect(await evaluated('machine.instructions')).to.equal('1');
    const hash = await machine.request('memoryHash', {});
    const path = join(folder.path, 'never');
    const wanted = 'GDB has stopped the machine in the middle of a turn: let the guest go on, then try again';
    expect(await refusal(machine.request('save', { path }))).to.equal(`save: ${wanted}`);
    expect(await refusal(machine.request('start', {}))).to.equal(`start: ${wanted}`);
    expect(existsSync(path)).to.equal(false);
    expect(await machine.request('memoryHash', {})).to.deep.equal(hash);

    expect(await gdb.ask('D')).to.equal('OK');
    await until(async () => (await refusal(machine.request('start', {}))) === 'no error');
    expect(machine.status().state).to.equal('VMM_RUNNING');
  });

  it('stops a guest that sleeps, serves requests while it runs on, and tells its owner when GDB kills it in a turn', async () => {
    let tell = (): void => {};
    const killed = new Promise<void>((resolve) => (tell = resolve));
    const file = join(folder.path, 'run.bfr');
    await start(plainRun('echo', { pace: 'real', record: { file, withCode: false } }), () => tell());
    const gdb = await attached();
    const stopped = gdb.ask('c');
    expect(await evaluated('machine.processors')).to.equal('1');
    gdb.interrupt();
    expect(await stopped).to.equal('T02thread:01;');
    const typed = machine.type(Buffer.from('x'));
    expect(await gdb.ask('vCont;s:1')).to.equal('T05thread:01;');
    await typed;
    expect(await gdb.ask('vKill;1')).to.equal('OK');
    await killed;
    await machine.remove();
    await gdb.closed;
    expect(existsSync(join(folder.path, 'm.gdb'))).to.equal(false);
    // The recording ends at a moment, which a replay finds.
    const end = readRecording(file).entries.at(-1);
    expect(end).to.include({ kind: 'end', outcome: 'removed' }).and.to.have.property('at');
  });

  it('shows a guest that has ended, also to a client that comes later', async () => {
    await start(plainRun('cpuid', { append: '1', gdb: { waits: true } }));
    const first = await attached();
    expect(await first.ask('c')).to.equal('T06thread:01;');
    expect(first.console).to.include('the guest switched the power off');
    expect(await first.ask('c')).to.equal('W00');
    first.hangUp();
    const second = await attached();
    expect(second.status).to.equal('T05thread:01;');
    expect(await second.ask('g')).to.match(/^[0-9a-f]+$/);
    expect(await evaluated('machine.end.kind')).to.equal("'powered-off'");
  });
});
