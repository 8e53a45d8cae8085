// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { RawOutput } from '../../../src/bfm/console/raw_output.js';
import { bytes, sink } from '../text_sinks.js';

describe('RawOutput', () => {
  it('begins each line at the left of a terminal that is raw, and says when it is written', () => {
    const target = sink();
    const raw = new RawOutput(target);
    let written = 0;
    raw.write('one\ntwo\r\n', () => written++);
    raw.write(bytes('three\n'), () => written++);
    expect(target.text).to.equal('one\r\ntwo\r\nthree\r\n');
    expect(written).to.equal(2);
  });
});
