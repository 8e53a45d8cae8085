// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import { ExploringWorker } from '../../../src/bfm/explore/exploring_worker.js';
import { readRecording } from '../../../src/bfm/recording/read_recording.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { raceHook } from './race_hook_run.js';

const folder = temporaryFolder();

describe('The worker of an exploration', () => {
  let worker: ExploringWorker | undefined;
  afterEach(() => worker?.end());

  it('leaves out what a failing schedule does not need, and records the choices of the rest and the end', async () => {
    const file = join(folder.path, 'failing.bfr');
    worker = new ExploringWorker(raceHook());
    await worker.ready();
    const schedule = [
      { decision: 6, processor: 0 },
      { decision: 7, processor: 1 },
      { decision: 90, processor: 1 },
    ];
    const { end, taken } = await worker.finish(schedule, { file, withCode: false });
    expect([end, taken.length]).to.deep.equal(['found', 2]);
    const { entries: items } = readRecording(file);
    const chosen = taken.map(({ at, processor }) => ({ kind: 'event', at, event: { kind: 'turn', processor } }));
    expect(items.slice(0, 2)).to.deep.equal(JSON.parse(JSON.stringify(chosen)));
    expect(items[2]).to.include({ kind: 'end', outcome: 'found' });
    expect(items[2], 'the machine could run on').to.have.property('at');
  });

  it('fails with the name of a handler that makes a Promise', async () => {
    const module = folder.write(
      'leaving.ts',
      `import { ExitContribution, ExitReason, vcpuModule } from 'bareflank';
       const mine = { name: 'mine', reasons: [ExitReason.Cpuid], handleExit() { void Promise.resolve(); return false; } };
       export default vcpuModule(({ bind }) => { bind(ExitContribution).toConstantValue(mine); });`,
    );
    worker = new ExploringWorker(raceHook({ guest: 'cpuid', cpus: '1', module: [module] }));
    await worker.ready();
    const [result] = await worker.run([{ schedule: [], place: 0 }]);
    const { end, detail } = result!;
    expect(end).to.equal('dead');
    expect(detail.replace(/\s+/g, ' ')).to.include('LeftOverTaskError: handler mine made a Promise');
  });
});
