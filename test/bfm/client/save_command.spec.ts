// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HostClient } from '../../../src/bfm/client/host_client.js';
import { VmcallDataType } from '../../../src/vmm/exit/vmcall_interface.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { bfm, ended, root, startBfm } from '../bfm_process.js';
import { ownRuntimeFolder } from '../host/host_machine.js';

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

describe('bfm save', () => {
  const folder = temporaryFolder();
  const own = ownRuntimeFolder();
  after(() => own.close());

  it('saves a machine in the background, which goes on; another one goes on from there', async () => {
    mkdirSync(join(folder.path, 'kept'));
    const file = join(folder.path, 'kept', 'saved');
    writeFileSync(file, 'what was there before');
    await own.load('one', '--guest', 'echo', '--memory', '16M', '-m', 'cpuidcount');
    await bfm('console', '--machine', 'one', '--until', 'echo', '--timeout', '60');
    const saved = await bfm('save', file, '--machine', 'one');
    expect(saved.stdout, saved.stderr).to.match(/^saved as .*kept\/saved after [\d ]+ instructions\n$/);
    expect(readdirSync(join(folder.path, 'kept')), 'it was replaced as a whole').to.deep.equal(['saved']);
    const guest = join(root, 'build/guests/echo.bin');
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
