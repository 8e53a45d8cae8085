// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import { VmmLines } from '../../../src/bfm/console/vmm_lines.js';
import { packageRoot } from '../../../src/driver/node/package_paths.js';
import { bytes, sink } from '../text_sinks.js';

describe('VmmLines', () => {
  it('puts its name before whole lines, in whatever pieces they come', () => {
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

  it('shows lines that begin as frames of a stack do, and cuts frames of the framework from errors', () => {
    const target = sink();
    const lines = new VmmLines(target, false, false);
    const frame = `    at Driver.load (${join(packageRoot, 'src/driver/driver.ts')}:1:2)`;
    lines.write(bytes(`at 0x1234 the guest wrote LSTAR\n  at run time: 5\nERROR: no\n${frame}\nafter\n`));
    expect(target.text).to.equal(
      'vmm: at 0x1234 the guest wrote LSTAR\nvmm:   at run time: 5\nvmm: ERROR: no\nvmm: after\n',
    );
  });
});
