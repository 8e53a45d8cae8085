// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';
import { parseReplayPoint, pointText } from '../../../src/bfm/replay/replay_point.js';

describe('parseReplayPoint', () => {
  it('knows instructions, VM exits and texts', () => {
    expect(parseReplayPoint('12000')).to.deep.equal({ kind: 'instruction', count: 12000 });
    expect(parseReplayPoint('exit 7')).to.deep.equal({ kind: 'exit', count: 7 });
    expect(parseReplayPoint('EXIT  7')).to.deep.equal({ kind: 'exit', count: 7 });
    expect(parseReplayPoint('login:')).to.deep.equal({ kind: 'text', text: 'login:' });
    expect(parseReplayPoint('text:12000')).to.deep.equal({ kind: 'text', text: '12000' });
    expect(parseReplayPoint('text:exit 7')).to.deep.equal({ kind: 'text', text: 'exit 7' });
    expect(parseReplayPoint('text:-1')).to.deep.equal({ kind: 'text', text: '-1' });
    expect(parseReplayPoint('- 1')).to.deep.equal({ kind: 'text', text: '- 1' });
  });

  it('refuses no text, and counts that cannot be', () => {
    for (const value of ['', 'text:', '0', 'exit 0', '99999999999999999999'])
      expect(() => parseReplayPoint(value), value).to.throw(
        UsageError,
        /--until .*: it must be a number of instructions/,
      );
  });

  it('refuses a text that looks like a mistyped number or exit', () => {
    for (const value of ['exit five', 'exit', 'EXIT 5x', 'exit -5', 'exiting', '1e9', '12 000', '0x100', '-1', '+5'])
      expect(() => parseReplayPoint(value), value).to.throw(UsageError, /'text:…' for a text that begins with/);
  });

  it('has words for each', () => {
    expect(['12000', 'exit 7', 'login:'].map((value) => pointText(parseReplayPoint(value)))).to.deep.equal([
      'instruction 12 000',
      'VM exit 7',
      '"login:"',
    ]);
  });
});
