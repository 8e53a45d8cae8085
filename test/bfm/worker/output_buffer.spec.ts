// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { createStubInstance } from 'sinon';
import { OutputBuffer } from '../../../src/bfm/worker/output_buffer.js';
import { RunControl } from '../../../src/bfm/worker/run_control.js';

describe('OutputBuffer', () => {
  const make = () => {
    const control = createStubInstance(RunControl);
    const sent: Uint8Array[] = [];
    return { control, sent, buffer: new OutputBuffer(control, (bytes) => sent.push(bytes)) };
  };

  it('sends what was pushed when it is flushed, and says how much that was', () => {
    const { control, sent, buffer } = make();
    for (const byte of [1, 2, 3]) buffer.push(byte);
    expect(sent).to.deep.equal([]);
    buffer.flush();
    expect(sent.map((bytes) => [...bytes])).to.deep.equal([[1, 2, 3]]);
    expect(control.outputSent.args).to.deep.equal([[3]]);
  });

  it('sends nothing if nothing was pushed since the last time', () => {
    const { control, sent, buffer } = make();
    buffer.push(1);
    buffer.flush();
    buffer.flush();
    expect(sent).to.have.lengthOf(1);
    expect(control.outputSent.callCount).to.equal(1);
  });

  it('sends by itself when it is full, and keeps no hold of what it sent', () => {
    const { sent, buffer } = make();
    for (let i = 0; i < 5000; i++) buffer.push(i & 0xff);
    expect(sent.map((bytes) => bytes.length)).to.deep.equal([4096]);
    buffer.flush();
    expect(sent.map((bytes) => bytes.length)).to.deep.equal([4096, 5000 - 4096]);
    expect([sent[0]![0], sent[0]![4095], sent[1]![0]]).to.deep.equal([0, 0xff, 0]);
  });
});
