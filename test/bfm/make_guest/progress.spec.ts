// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import sinon from 'sinon';
import { Progress } from '../../../src/bfm/make_guest/progress.js';

describe('Progress', () => {
  let text: string;
  let clock: sinon.SinonFakeTimers;
  const output = { write: (chunk: string | Uint8Array) => void (text += String(chunk)) };
  beforeEach(() => {
    text = '';
    clock = sinon.useFakeTimers();
  });
  afterEach(() => clock.restore());

  it('is a plain line for each step if there is no terminal', async () => {
    expect(
      await new Progress(output, false).step(
        'packing',
        () => 7,
        () => 'half',
      ),
    ).to.equal(7);
    expect(text).to.equal('bfm: packing\n');
  });

  it('rewrites its line on a terminal with how far the step is, and ends it with the step', async () => {
    let finish = (): void => {};
    const work = new Promise<void>((done) => (finish = done));
    const step = new Progress(output, true).step(
      'downloading',
      () => work,
      () => '3 of 9 MB',
    );
    clock.tick(200);
    finish();
    await step;
    expect(text.split('\r\x1b[K')).to.deep.equal([
      '',
      'bfm: downloading …',
      'bfm: downloading … 3 of 9 MB',
      'bfm: downloading\n',
    ]);
    expect(clock.countTimers()).to.equal(0);
  });

  it('stops redrawing when the step fails', async () => {
    const step = new Progress(output, true).step('downloading', () => Promise.reject(new Error('no network')));
    expect(await step.catch((error: Error) => error.message)).to.equal('no network');
    expect(clock.countTimers()).to.equal(0);
    expect(text.endsWith('\n')).to.equal(true);
  });
});
