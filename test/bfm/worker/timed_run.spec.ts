// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { stub } from 'sinon';
import { timedRun } from '../../../src/bfm/worker/timed_run.js';

describe('timedRun', () => {
  async function run(hasReports?: () => boolean): Promise<string[]> {
    const order: string[] = [];
    const control = { start: stub().callsFake(() => order.push('start')) };
    const channel = { control, post: ({ kind }: { kind: string }) => void order.push(kind) };
    const { ending, milliseconds } = await timedRun(
      channel,
      () => {
        order.push('run');
        return Promise.resolve('over');
      },
      hasReports,
    );
    expect(ending).to.equal('over');
    expect(milliseconds).to.be.at.least(0);
    return order;
  }

  it('says when the machine runs and stops, and that extensions are called then', async () => {
    expect(await run()).to.deep.equal(['start', 'running', 'run', 'stopped', 'calling']);
  });
  it('says nothing of extensions if none is called', async () => {
    expect(await run(() => false)).to.deep.equal(['start', 'running', 'run', 'stopped']);
  });
});
