// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { InputQueue } from '../../../src/bfm/worker/input_queue.js';
import { RunControl } from '../../../src/bfm/worker/run_control.js';

const settled = async (promise: Promise<void>): Promise<string> =>
  Promise.race([promise.then(() => 'taken'), new Promise<string>((resolve) => setImmediate(resolve, 'waits'))]);

describe('InputQueue', () => {
  let control: RunControl;
  let worker: RunControl;
  let nudges: number;
  let queue: InputQueue;
  beforeEach(() => {
    control = new RunControl();
    worker = new RunControl(control.memory);
    nudges = 0;
    queue = new InputQueue(control, () => nudges++);
  });

  it('hands on at once what finds room, and wakes the worker', async () => {
    expect(await settled(queue.type(Uint8Array.of(1, 2)))).to.equal('taken');
    expect(worker.takeInput()).to.deep.equal([1, 2]);
    expect(nudges).to.equal(1);
  });

  it('loses nothing, in order, however slowly the machine takes it', async () => {
    const bytes = Uint8Array.from({ length: 20_000 }, (_, at) => at % 251);
    const long = queue.type(bytes);
    const short = queue.type(Uint8Array.of(255));
    expect(await settled(long)).to.equal('waits');
    const taken: number[] = [];
    for (let piece = worker.takeInput(); piece.length > 0; piece = worker.takeInput()) {
      taken.push(...piece);
      queue.feed();
    }
    expect(await settled(short)).to.equal('taken');
    expect(taken).to.deep.equal([...bytes, 255]);
    expect(queue.length).to.equal(0);
  });

  it('says why what waits will never be taken', async () => {
    const lost = queue.type(new Uint8Array(5000));
    expect(queue.length).to.be.greaterThan(0);
    queue.abandon(new Error('the machine ended'));
    expect(await lost.catch((error: Error) => error.message)).to.equal('the machine ended');
    expect(queue.length).to.equal(0);
  });
});
