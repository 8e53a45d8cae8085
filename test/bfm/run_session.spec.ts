// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import type { RunRequest } from '../../src/bfm/run_request.js';
import { RunSession } from '../../src/bfm/run_session.js';
import { root } from './bfm_process.js';
import { sink } from './text_sinks.js';

const endless: RunRequest = {
  kernel: join(root, 'build/guests/cpuid.bin'),
  append: '1000000000000',
  memoryBytes: 16 << 20,
  processors: 1,
  modules: [join(root, 'extensions/hypervisor_example_cpuidcount/cpuidcount.modules')],
  start: 'boot',
  pace: 'fast',
  testDevice: false,
};

describe('RunSession', () => {
  it('ends the worker at the second interrupt, and reports what the machine had counted', async () => {
    const console = {
      write(): void {
        // The first one stops the machine at the next quantum; the second does not wait for it.
        session.interrupt();
        session.interrupt();
      },
    };
    const session = new RunSession(endless, { console, vmm: sink(), colours: false });
    const report = await session.run();
    expect(report).to.include({ outcome: 'interrupted', forced: true, extensions: null });
    expect(report.machine.instructions).to.be.greaterThan(100);
    expect(report.machine.virtualTime).to.be.at.least(report.machine.instructions);
    expect(report.machine.exits.vmcall, 'the start').to.equal(1);
    expect(report.machine.exits.cpuid).to.be.greaterThan(0);
  });

  it('says so if it was interrupted before the guest ran', async () => {
    const session = new RunSession(endless, { console: sink(), vmm: sink(), colours: false });
    const report = session.run();
    session.interrupt();
    expect(await report).to.deep.include({
      outcome: 'interrupted',
      detail: 'before the guest ran',
      machine: { exits: {}, instructions: 0, virtualTime: 0, debugExit: null },
    });
  });
});
