// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import {
  attachOutput,
  bfdebug,
  bferror,
  bffatal,
  bfinfo,
  bfwarning,
  outputToVcpu,
} from '../../../src/vmm/output/output.js';
import { captureOutput } from '../capture_output.js';

describe('output', () => {
  it('writes lines with the word of their kind', () => {
    const text = captureOutput(() => {
      bfinfo`plain ${1}`;
      bfdebug`a ${2n}`;
      bfwarning`b`;
      bferror`c`;
      bffatal`d`;
    });
    expect(text).to.equal('plain 1\nDEBUG: a 2\nWARNING: b\nERROR: c\nFATAL ERROR: d\n');
  });

  it('colours the word: green, yellow, red', () => {
    const lines: string[] = [];
    const before = attachOutput({ write: (line) => void lines.push(line), writeToVcpu: () => {} });
    bfdebug`x`;
    bfwarning`x`;
    bferror`x`;
    attachOutput(before);
    expect(lines).to.deep.equal([
      '\u001b[1;32mDEBUG: \u001b[0mx\n',
      '\u001b[1;33mWARNING: \u001b[0mx\n',
      '\u001b[1;31mERROR: \u001b[0mx\n',
    ]);
  });

  it('goes to one ring only inside outputToVcpu, and back to all after it, even if the body throws', () => {
    const text = captureOutput(() => {
      expect(() =>
        outputToVcpu(3n, () => {
          bfinfo`inside`;
          throw new Error('out');
        }),
      ).to.throw('out');
      bfinfo`outside`;
    });
    expect(text).to.equal('[3] inside\noutside\n');
  });

  it('never throws: not without a VMM, not when the sink throws', () => {
    const fails = (): never => {
      throw new Error('sink');
    };
    const before = attachOutput({ write: fails, writeToVcpu: fails });
    expect(() => bfinfo`x`).to.not.throw();
    attachOutput(undefined);
    expect(() => bfinfo`x`).to.not.throw();
    attachOutput(before);
  });
});
