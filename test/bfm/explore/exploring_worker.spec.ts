// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExploringWorker } from '../../../src/bfm/explore/exploring_worker.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { raceHook } from './race_hook_run.js';

const folder = temporaryFolder();

describe('ExploringWorker', () => {
  let worker: ExploringWorker | undefined;
  afterEach(() => worker?.end());

  const failure = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => 'none',
      ({ message }: Error) => message,
    );

  it('makes runs, and gives schedules with the deviation that each took further', async () => {
    worker = new ExploringWorker(raceHook());
    await worker.ready();
    const [usual, further] = await worker.run([
      { place: 0, schedule: [] },
      { place: 1, schedule: [], further: 0 },
    ]);
    expect(usual).to.deep.include({ end: 'ended', schedule: [] });
    expect(usual!.alternatives).to.be.greaterThan(5);
    expect(further!.schedule).to.deep.equal([{ decision: 0, processor: 1 }]);
  });

  it('tells what keeps the machine from its beginning', async () => {
    worker = new ExploringWorker(raceHook({}, folder.write('no.ts', 'export default 1;')));
    expect(await failure(worker.ready())).to.include('its default export must be a function');
  });

  it('tells that a predicate threw, by its message', async () => {
    worker = new ExploringWorker(
      raceHook({}, folder.write('throws.ts', "export default () => { throw new Error('oops'); };")),
    );
    await worker.ready();
    expect(await failure(worker.run([{ place: 0, schedule: [] }]))).to.include('oops');
  });
});
