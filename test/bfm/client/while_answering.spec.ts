// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import sinon from 'sinon';
import { whileAnswering } from '../../../src/bfm/client/while_answering.js';

describe('whileAnswering', () => {
  let clock: sinon.SinonFakeTimers;
  const silent = (): Error => new Error('silent');
  const never = new Promise<string>(() => {});
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  it('gives the result, however long it takes, of a process that answers', async () => {
    let finish: (result: string) => void = () => {};
    const work = new Promise<string>((resolve) => (finish = resolve));
    const waited = whileAnswering(work, () => Promise.resolve(), 1000, silent);
    await clock.tickAsync(100_000);
    finish('done');
    expect(await waited).to.equal('done');
    expect(clock.countTimers()).to.equal(0);
  });

  it('gives up on a process that is silent for long enough', async () => {
    const outcome = whileAnswering(never, () => never, 1000, silent).catch((error: Error) => error.message);
    await clock.tickAsync(1000);
    expect(await Promise.race([outcome, Promise.resolve('waits')])).to.equal('waits');
    await clock.tickAsync(200);
    expect(await outcome).to.equal('silent');
    expect(clock.countTimers()).to.equal(0);
  });

  it('forgives silence that ends in time', async () => {
    let answer = (): void => {};
    const waited = whileAnswering(never, () => new Promise<void>((resolve) => (answer = resolve)), 1000, silent).catch(
      (error: Error) => error.message,
    );
    for (let round = 0; round < 10; round++) {
      await clock.tickAsync(900);
      answer();
    }
    expect(await Promise.race([waited, Promise.resolve('waits')])).to.equal('waits');
  });
});
