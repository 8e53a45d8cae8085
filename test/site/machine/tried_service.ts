// SPDX-License-Identifier: LGPL-2.1-only
import { join } from 'node:path';
import { MachineService } from '../../../src/site/machine/machine_service.js';
import type { MachineMethod, MachineRequests } from '../../../src/site/machine/site_messages.js';
import { root } from '../../architecture/source_files.js';
import { bundleOf, fetchFile, Heard, nodeModules } from './node_surroundings.js';

export const cpuidcount = await bundleOf(
  join(root, 'extensions/hypervisor_example_cpuidcount/exit_handler_cpuid_count.ts'),
);

/** A service whose turns a test makes. */
export class TriedService {
  readonly heard = new Heard();
  private readonly modules = nodeModules();
  /** Files of the site besides the usual ones, and those that the machine waited for. */
  readonly files = new Map<string, Uint8Array>();
  readonly fetchedNow: string[] = [];
  private next = 1;
  time = 0;
  readonly service = new MachineService({
    post: this.heard.post,
    fetch: (address) => Promise.resolve(this.files.get(address) ?? fetchFile(address)),
    fetchNow: (address) => (this.fetchedNow.push(address), this.files.get(address)!),
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
