// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import { root } from '../../architecture/source_files.js';
import { MachineService } from '../../../src/site/machine/machine_service.js';
import type { MachineMethod, MachineRequests } from '../../../src/site/machine/site_messages.js';
import { bundleOf, fetchFile, Heard, nodeModules, ownGuest } from './node_surroundings.js';

const cpuidcount = await bundleOf(join(root, 'extensions/hypervisor_example_cpuidcount/exit_handler_cpuid_count.ts'));

/** A service whose turns a test makes. */
class Tried {
  readonly heard = new Heard();
  private readonly modules = nodeModules();
  private next = 1;
  time = 0;
  readonly service = new MachineService({
    post: this.heard.post,
    fetch: fetchFile,
    modules: this.modules,
    now: () => this.time,
    // Waiting passes time, so that idle times end.
    pause: (milliseconds) => {
      this.time += milliseconds === Infinity ? 0 : milliseconds;
      return Promise.resolve();
    },
  });

  constructor() {
    this.modules.add('cpuidcount', cpuidcount);
  }

  /** @returns the answer @throws Error if the machine refuses */
  async request<M extends MachineMethod>(method: M, params: MachineRequests[M]['params']) {
    const id = this.next++;
    this.service.receive({ kind: 'request', id, method, params });
    for (;;) {
      await this.service.turn();
      for (const message of this.heard.messages) {
        if (message.kind === 'answer' && message.id === id) return message.result as MachineRequests[M]['result'];
        if (message.kind === 'error' && message.id === id) throw new Error(message.message);
      }
    }
  }

  async until(condition: () => boolean): Promise<void> {
    for (let turns = 0; !condition(); turns++) {
      if (turns > 10_000) throw new Error(`it never came; console: ${this.heard.text('console')}`);
      await this.service.turn();
    }
  }
}

describe('MachineService', () => {
  it('boots a guest under an extension, and tells what was printed, what exited, and how it ended', async () => {
    const tried = new Tried();
    const modules = ['cpuidcount'];
    await tried.request('boot', { guest: ownGuest('cpuid', '1000'), processors: 1, modules });
    await tried.until(() => tried.heard.first('ended') !== undefined);
    expect(tried.heard.text('console')).to.include('guest executed 1000 cpuids');
    expect(tried.heard.first('ended')).to.include({ outcome: 'powered-off' });
    const { status } = tried.heard;
    expect(Object.fromEntries(status.exits)).to.include({ cpuid: 1000 });
    expect(status.reports).to.deep.equal({ cpuidcount: { count: 1000 } });
    expect(status.instructions).to.be.greaterThan(1000);
  });

  it('starts and stops the VMM under a running guest, which takes what is typed', async () => {
    const tried = new Tried();
    await tried.request('boot', { guest: ownGuest('echo', ''), processors: 1 });
    await tried.request('load', { modules: ['cpuidcount'] });
    await tried.request('start', {});
    expect(tried.heard.status.vmm).to.equal('VMM_RUNNING');
    tried.service.receive({ kind: 'typed', bytes: [...Buffer.from('under the VMM')] });
    await tried.until(() => tried.heard.text('console').includes('under the VMM'));
    await tried.request('stop', {});
    expect(tried.heard.status.vmm).to.equal('VMM_LOADED');
    expect(tried.heard.text('vmm')).to.include('cpuid count = ');
  });

  it('says why it refuses: no machine, two machines, an extension that there is not', async () => {
    const messageOf = (attempt: Promise<unknown>): Promise<string> =>
      attempt.then(
        () => 'no error',
        (error: Error) => error.message,
      );
    const tried = new Tried();
    expect(await messageOf(tried.request('start', {}))).to.equal('there is no machine yet: boot one first');
    const guest = ownGuest('echo', '');
    await tried.request('boot', { guest, processors: 1 });
    expect(await messageOf(tried.request('boot', { guest, processors: 1 }))).to.match(/^this worker has a machine/);
    expect(await messageOf(tried.request('load', { modules: ['nothing'] }))).to.equal(
      'there is no extension nothing; there are: cpuidcount',
    );
  });
});
