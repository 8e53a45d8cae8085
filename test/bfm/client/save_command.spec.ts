// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MachineThread } from '../../../src/bfm/host/machine_thread.js';
import { HostClient } from '../../../src/bfm/client/host_client.js';
import { VmcallDataType } from '../../../src/vmm/exit/vmcall_interface.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { bfm, ended, root, startBfm } from '../bfm_process.js';
import type { RunRequest } from '../../../src/bfm/worker/run_request.js';
import { ownRuntimeFolder } from '../host/host_machine.js';
import { cpuidCount, cpuidRun } from '../recording/own_run.js';

/** It echoes what is typed. */
const guest = join(root, 'build/guests/echo.bin');
const json = { cpuid: 0, type: VmcallDataType.VMCALL_DATA_STRING_JSON, data: btoa('{"get":"count"}') };

/** Asks a machine in this process, which takes a fraction of the time of a command. */
async function ask<T>(machine: string, question: (host: HostClient) => Promise<T>): Promise<T> {
  const host = await HostClient.connect(machine);
  try {
    return await question(host);
  } finally {
    host.close();
  }
}

/** What the guest's memory, the VMM and the extension's count of CPUIDs are. */
const stateOf = (machine: string): Promise<unknown> =>
  ask(machine, async (host) => [
    await host.request('memoryHash', {}),
    await host.request('status', {}),
    await host.request('vmcallData', json),
  ]);

const messageOf = (error: unknown): string => (error as Error).message;

/** A machine in this process, without a host. */
class OwnMachine {
  readonly thread: MachineThread;
  private shown = '';
  private heard: () => void = () => {};

  constructor(request: Partial<RunRequest>) {
    const machine = { ...cpuidRun, kernel: guest, append: '', start: 'off', pace: 'real', ...request } as const;
    this.thread = new MachineThread(machine);
    this.thread.listeners.add({
      console: (bytes) => ((this.shown += Buffer.from(bytes).toString('latin1')), this.heard()),
      vmm: () => {},
      ended: () => {},
    });
  }

  /** Waits for a text on the console. */
  async shows(text: string): Promise<void> {
    while (!this.shown.includes(text)) await new Promise<void>((resolve) => (this.heard = resolve));
  }

  async memory(): Promise<string> {
    return (await this.thread.request('memoryHash', {})).sha256;
  }

  /** What the guest's memory, the VMM and the extension's count of CPUIDs are. */
  async state(): Promise<unknown> {
    const { thread } = this;
    return [await thread.request('memoryHash', {}), thread.status(), await thread.request('vmcallData', json)];
  }
}

describe('The save of a machine in the background', () => {
  const folder = temporaryFolder();
  const machines: OwnMachine[] = [];
  async function started(request: Partial<RunRequest>): Promise<OwnMachine> {
    const machine = new OwnMachine(request);
    machines.push(machine);
    await machine.thread.started();
    return machine;
  }
  afterEach(async () => {
    for (const { thread } of machines.splice(0)) await thread.close();
  });

  it('lets it go on, and another one goes on from there', async () => {
    mkdirSync(join(folder.path, 'kept'));
    const file = join(folder.path, 'kept', 'saved');
    writeFileSync(file, 'what was there before');
    const one = await started({ start: 'boot' });
    await one.shows('echo');
    const { instructions } = await one.thread.request('save', { path: file });
    expect(instructions).to.be.greaterThan(0);
    expect(readdirSync(join(folder.path, 'kept')), 'it was replaced as a whole').to.deep.equal(['saved']);
    const restored = { kernel: file, isRestored: true, start: 'late' } as const;
    const two = await started(restored);
    // Both run on until they sleep, in the same state.
    while ((await two.memory()) !== (await one.memory()));
    expect(await two.state()).to.deep.equal(await one.state());
    await two.thread.type(Buffer.from('typed'));
    await two.shows('typed');
    const refused = await started({ ...restored, modules: [] }).catch(messageOf);
    expect(refused).to.equal(`${file} has a VMM with modules, and no file brings code along: add -m ${cpuidCount}`);
  });

  it('refuses a file that the machine reads, one in no folder, and a disk that the machine goes on to change', async () => {
    const disk = folder.write('own_disk', new Uint8Array(0x2000));
    const machine = await started({ modules: [], disks: [{ path: disk, isWritable: true }] });
    const save = (path: string): Promise<unknown> => machine.thread.request('save', { path }).catch(messageOf);
    expect(await save(join(folder.path, 'other'))).to.match(/^save: the machine goes on and changes .*own_disk, which/);
    const other = await started({ modules: [] });
    expect(await other.thread.request('save', { path: guest }).catch(messageOf)).to.equal(
      `save ${guest} would replace a file that the machine reads`,
    );
    const gone = join(folder.path, 'gone', 'saved');
    expect(await other.thread.request('save', { path: gone }).catch(messageOf)).to.match(
      /^the snapshot .*gone\/saved cannot be written: there is no folder .*gone$/,
    );
  });
});

describe('bfm save', () => {
  before(function () {
    if (process.env.BAREFLANK_FULL !== '1') this.skip();
  });
  const folder = temporaryFolder();
  let own!: ReturnType<typeof ownRuntimeFolder>;
  before(() => {
    own = ownRuntimeFolder();
  });
  // hooks run for skipped specs too
  after(() => (own as typeof own | undefined)?.close());

  it('saves a machine in the background, which goes on; another one goes on from there', async () => {
    mkdirSync(join(folder.path, 'kept'));
    const file = join(folder.path, 'kept', 'saved');
    writeFileSync(file, 'what was there before');
    await own.load('one', '--guest', 'echo', '--memory', '16M', '-m', 'cpuidcount');
    await bfm('console', '--machine', 'one', '--until', 'echo', '--timeout', '60');
    const saved = await bfm('save', file, '--machine', 'one');
    expect(saved.stdout, saved.stderr).to.match(/^saved as .*kept\/saved after [\d ]+ instructions\n$/);
    expect(readdirSync(join(folder.path, 'kept')), 'it was replaced as a whole').to.deep.equal(['saved']);
    expect(await ask('one', (host) => host.request('save', { path: guest })).catch(messageOf)).to.equal(
      `save ${guest} would replace a file that the machine reads`,
    );
    const gone = join(folder.path, 'gone', 'saved');
    const failed = ask('one', (host) => host.request('save', { path: gone })).catch(messageOf);
    expect(await failed).to.match(/^the snapshot .*gone\/saved cannot be written: there is no folder .*gone$/);
    const refused = await own.load('two', '--restore', file);
    expect(refused.stderr).to.equal(
      `bfm: ${file} has a VMM with modules, and no file brings code along: add -m cpuidcount\n`,
    );
    const restored = await own.load('two', '--restore', file, '-m', 'cpuidcount');
    expect([restored.status, restored.stderr]).to.deep.equal([0, '']);
    expect(await stateOf('two')).to.deep.equal(await stateOf('one'));
    const console = startBfm(['console', '--machine', 'two', '--until', 'typed', '--timeout', '60']);
    console.stdin.end('typed');
    expect((await ended(console)).stdout, 'the end of the saved console, then what is new').to.match(
      /this guest echo[^]*typed/,
    );
  });

  it('refuses a disk that the machine goes on to change, and a command without a file', async () => {
    const disk = folder.write('disk', new Uint8Array(0x2000));
    await own.load('disk', '--guest', 'echo', '--memory', '16M', '--disk', `${disk},write`);
    const path = join(folder.path, 'other');
    expect(await ask('disk', (host) => host.request('save', { path })).catch(messageOf)).to.equal(
      `save: the machine goes on and changes ${disk}, which would not be the disk of the snapshot any more: load the machine without ",write"`,
    );
    const gone = join(folder.path, 'gone', 'saved');
    const nowhere = await bfm('save', gone, '--machine', 'disk');
    expect([nowhere.status, nowhere.stderr]).to.deep.equal([
      2,
      `bfm: save ${gone}: there is no folder ${join(folder.path, 'gone')}; name a file in a folder of yours\nTry 'bfm save --help' for more information.\n`,
    ]);
    const nothing = await bfm('save', '');
    expect([nothing.status, nothing.stderr]).to.deep.equal([
      2,
      "bfm: save '': it must be the name of a file\nTry 'bfm save --help' for more information.\n",
    ]);
  });
});
