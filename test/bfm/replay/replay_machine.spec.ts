// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import { moduleFiles } from '../../../src/driver/node/module_files.js';
import { PromiseWatch } from '../../../src/driver/node/promise_watch.js';
import { readRecording } from '../../../src/bfm/recording/read_recording.js';
import { checkedRecording } from '../../../src/bfm/replay/recorded_code.js';
import { makeReplayMachine } from '../../../src/bfm/replay/replay_machine.js';
import { RunControl } from '../../../src/bfm/worker/run_control.js';
import type { WorkerMessage } from '../../../src/bfm/worker/run_request.js';
import { sessionPorts } from '../../../src/bfm/worker/session_in_worker.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { recordedRun } from '../recording/own_run.js';

const folder = temporaryFolder();

describe('makeReplayMachine', () => {
  it('makes the machine of a recording up to its first instruction, with its VMM, and tells what it does', async () => {
    const file = join(folder.path, 'run');
    await recordedRun(file);
    const recording = readRecording(file);
    const { request } = recording.header;
    const { modules, items } = await checkedRecording(recording);
    const messages: WorkerMessage[] = [];
    const post = (message: WorkerMessage): void => void messages.push(message);
    const control = new RunControl();
    const ports = sessionPorts(control, post, () => false);
    using promises = new PromiseWatch();
    const machine = { request, modules, items, source: moduleFiles, control, ports, post, promises };
    const sourceMaps = process.sourceMapsEnabled;
    const made = await makeReplayMachine(machine);
    try {
      expect(process.sourceMapsEnabled, 'a setting of this process, which is not its own').to.equal(sourceMaps);
      const { session, vmm, lateStart } = made;
      expect([vmm.driver.status, lateStart]).to.deep.equal(['VMM_RUNNING', undefined]);
      expect([session.pc.processors.length, session.pc.ram.length]).to.deep.equal([1, request.memoryBytes]);
      const kinds = messages.map((message) => (message.kind === 'calling' ? message.what : message.kind));
      expect(kinds).to.include.members(['the loading of the modules', 'the start of the VMM', 'handlers']);
      await vmm.call({ kind: 'call', method: 'stop', params: {} });
      expect(vmm.driver.status).to.equal('VMM_LOADED');
      expect(messages.slice(-2)).to.deep.equal([{ kind: 'calling', what: 'the recorded stop' }, { kind: 'running' }]);
    } finally {
      made.vmm.driver.close();
    }
  });
});
