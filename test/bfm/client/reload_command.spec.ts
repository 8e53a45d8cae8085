// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { HostClient } from '../../../src/bfm/client/host_client.js';
import { VMM } from '../../../src/bfm/host/host_protocol.js';
import { VmcallDataType } from '../../../src/vmm/exit/vmcall_interface.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { bfm } from '../bfm_process.js';
import { ownRuntimeFolder } from '../host/host_machine.js';

/** An extension whose command counts by `by`. */
const counting = (by: number, field = 'count'): string => `
  import { ReportContribution, state, vcpuModule, VmcallContribution } from 'bareflank';
  class Counting {
    readonly name = 'counting';
    readonly opcodes: number[] = [];
    @state() private ${field} = 0;
    handleVmcall() { return false; }
    handleVmcallJson() { return (this.${field} += ${by}); }
    report() { return { count: this.${field} }; }
  }
  export default vcpuModule(({ bind }) => {
    bind(Counting).toSelf();
    bind(VmcallContribution).toService(Counting);
    bind(ReportContribution).toService(Counting);
  });`;

const json = { cpuid: 0, type: VmcallDataType.VMCALL_DATA_STRING_JSON, data: btoa('{"command":"count"}') };

describe('bfm reload', () => {
  const folder = temporaryFolder();
  let own!: ReturnType<typeof ownRuntimeFolder>;
  before(() => {
    own = ownRuntimeFolder();
  });
  after(() => own.close());
  /** Asks the machine in this process, which takes a fraction of the time of a command. */
  async function ask<T>(question: (host: HostClient) => Promise<T>): Promise<T> {
    const host = await HostClient.connect('m');
    try {
      return await question(host);
    } finally {
      host.close();
    }
  }
  const reload = (files?: readonly string[]): Promise<unknown> =>
    ask((host) => host.request('reload', { files })).catch((error: unknown) => (error as Error).message);
  const counts = async (): Promise<number> => {
    const { data } = await ask((host) => host.request('vmcallData', json));
    return JSON.parse(atob(data)) as number;
  };

  it('gives a VMM that runs new code, and its state goes on; a replay does the same', async () => {
    const file = folder.write('counting.ts', counting(1));
    const recording = folder.path + '/recording';
    await own.load('m', '--guest', 'echo', '--memory', '16M', '--cpus', '2', '--record', recording, '--with-code');
    expect(await reload()).to.equal('vmm must be loaded first: bfm load MODULE, or bfm quick MODULE');
    await ask((host) => host.request('load', { files: [file] }));
    await ask((host) => host.request('start', {}));
    expect(await counts()).to.equal(1);
    folder.write('counting.ts', counting(100));
    expect(await bfm('reload', '--machine', 'm')).to.deep.equal({
      status: 0,
      stdout: `reloaded; new code: ${file}\n`,
      stderr: '',
    });
    expect(await counts()).to.equal(101);
    folder.write('counting.ts', counting(100, 'number'));
    expect(await reload()).to.match(/^the new code does not fit .*\n {2}Counting\.count \(vcpu 0\) has no place/);
    folder.write('counting.ts', 'class {');
    expect(await reload()).to.match(/counting\.ts:1:7: Expected identifier/);
    expect(await counts()).to.equal(201);
    const other = folder.write('other.ts', counting(5).replace("'counting'", "'other'"));
    folder.write('counting.ts', counting(1000));
    expect(await reload([file, other])).to.deep.equal({ changed: [file, other], added: ['other'], removed: [] });
    expect(await counts()).to.equal(1201);
    await bfm('driver_unload', '--machine', 'm');
    const replay = await bfm('replay', recording, '--json', '--allow-code');
    const { outcome, exitStatus, extensions } = JSON.parse(replay.stdout) as Record<string, unknown>;
    expect({ outcome, exitStatus, extensions }).to.deep.equal({
      outcome: 'replayed',
      exitStatus: 0,
      extensions: { counting: { count: 1201 }, other: { count: 0 } },
    });
  });

  it('is not needed with driver_load --watch, which tells attached consoles', async () => {
    const file = folder.write('watched.ts', counting(1));
    await own.load('w', '--guest', 'echo', '--memory', '16M', '-m', file, '--start', 'boot', '--watch');
    const host = await HostClient.connect('w');
    let seen = '';
    let wake = (): void => {};
    host.on(VMM, ({ data }: { data: string }) => {
      seen += atob(data);
      wake();
    });
    const says = async (text: string): Promise<void> => {
      while (!seen.includes(text)) await new Promise<void>((resolve) => (wake = resolve));
    };
    try {
      await host.attach();
      folder.write('watched.ts', counting(1000));
      await says(`bfm: reloaded; new code: ${file}\n`);
      expect(JSON.parse(atob((await host.request('vmcallData', json)).data))).to.equal(1000);
      folder.write('watched.ts', 'class {');
      await says('bfm: not reloaded: ');
      folder.write('watched.ts', counting(1, 'other'));
      await says('Counting.count (vcpu 0) has no place in the new code');
    } finally {
      host.close();
    }
  });

  it('is refused when no machine runs', async () => {
    expect((await bfm('reload', '--machine', 'nobody')).stderr).to.match(/^bfm: no machine nobody/);
  });
});
