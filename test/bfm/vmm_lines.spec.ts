// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmmLines } from '../../src/bfm/vmm_lines.js';
import { bytes, sink } from './text_sinks.js';

describe('VmmLines', () => {
  it('puts its name before whole lines, whatever the pieces', () => {
    const target = sink();
    const lines = new VmmLines(target);
    lines.write(bytes('one\r\ntw'));
    expect(target.text).to.equal('vmm: one\n');
    lines.write(bytes('o\nthree'));
    lines.end();
    expect(target.text).to.equal('vmm: one\nvmm: two\nvmm: three\n');
  });
});
