// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmmLines } from '../../src/bfm/vmm_lines.js';
import { bytes, sink } from './text_sinks.js';

describe('VmmLines', () => {
  it('puts its name before whole lines, whatever the pieces', () => {
    const target = sink();
    const lines = new VmmLines(target, false);
    lines.write(bytes('one\r\ntw'));
    expect(target.text).to.equal('vmm: one\n');
    lines.write(bytes('o\nthree'));
    lines.end();
    expect(target.text).to.equal('vmm: one\nvmm: two\nvmm: three\n');
  });

  it('keeps colours only where they are wanted', () => {
    const texts = [true, false].map((colours) => {
      const target = sink();
      new VmmLines(target, colours).write(bytes('\u001b[1;31mERROR: \u001b[0mno\n'));
      return target.text;
    });
    expect(texts).to.deep.equal(['vmm: \u001b[1;31mERROR: \u001b[0mno\n', 'vmm: ERROR: no\n']);
  });
});
