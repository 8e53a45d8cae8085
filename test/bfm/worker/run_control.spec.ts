// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { RunControl, StopRequest } from '../../../src/bfm/worker/run_control.js';

describe('RunControl', () => {
  it('keeps the first request to stop, seen from both sides', () => {
    const main = new RunControl();
    const worker = new RunControl(main.memory);
    main.requestStop(StopRequest.Timeout);
    main.requestStop(StopRequest.Interrupted);
    expect(worker.stopRequest).to.equal(StopRequest.Timeout);
  });

  it('carries typed bytes across, in order, and says how many found room', () => {
    const main = new RunControl();
    const worker = new RunControl(main.memory);
    expect(main.type(Uint8Array.of(1, 2))).to.equal(2);
    expect(main.type(Uint8Array.of(3))).to.equal(1);
    expect(worker.takeInput()).to.deep.equal([1, 2, 3]);
    expect(worker.takeInput()).to.deep.equal([]);
    expect(main.type(new Uint8Array(5000).fill(7))).to.equal(4096);
    expect(main.type(Uint8Array.of(8))).to.equal(0);
    expect(worker.takeInput()).to.have.length(4096);
    expect(main.type(Uint8Array.of(8, 9))).to.equal(2);
    expect(worker.takeInput()).to.deep.equal([8, 9]);
  });

  it('lets the worker go on with output that is read, and at a stop with output that is not', () => {
    const main = new RunControl();
    const worker = new RunControl(main.memory);
    for (let piece = 0; piece < 1000; piece++) {
      worker.outputSent(4096);
      main.outputTaken(4096);
    }
    main.requestStop(StopRequest.Interrupted);
    worker.outputSent(1 << 24);
  });

  it('shows heartbeat, exit and handler of the worker', () => {
    const main = new RunControl();
    const worker = new RunControl(main.memory);
    worker.beat();
    worker.beat();
    worker.exitWord[0] = 11;
    worker.handlerWord[0] = 2;
    expect([main.heartbeat, main.exitReason, main.handler]).to.deep.equal([2, 11, 2]);
  });

  it('says whether somebody may type yet', () => {
    const main = new RunControl();
    const worker = new RunControl(main.memory);
    expect(worker.isInputOpen).to.equal(false);
    main.openInput();
    expect(worker.isInputOpen).to.equal(true);
    main.type(Uint8Array.of(1));
    main.endInput();
    expect(worker.isInputOpen, 'something is left').to.equal(true);
    worker.takeInput();
    expect(worker.isInputOpen).to.equal(false);
  });

  it('calls the worker by a word that the machine looks at, at each stop too', () => {
    const main = new RunControl();
    const worker = new RunControl(main.memory);
    main.callForAttention();
    expect([worker.wantsAttention, worker.attentionWord[0]]).to.deep.equal([true, 1]);
    worker.attend();
    expect(worker.wantsAttention).to.equal(false);
    main.requestStop(StopRequest.Interrupted);
    expect(worker.wantsAttention).to.equal(true);
  });
});
