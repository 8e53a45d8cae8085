// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { TerminalEscapes } from '../../../src/bfm/console/terminal_escapes.js';

describe('TerminalEscapes', () => {
  const decode = (...pieces: string[]): { text: string; leave: boolean } => {
    const escapes = new TerminalEscapes();
    const results = pieces.map((piece) => escapes.decode(new TextEncoder().encode(piece)));
    return {
      text: results.map((result) => new TextDecoder().decode(result.forGuest)).join(''),
      leave: results.some((result) => result.leave),
    };
  };

  it('leaves on Ctrl-A X, also when the two keys come apart', () => {
    expect(decode('ab\u0001x')).to.deep.equal({ text: 'ab', leave: true });
    expect(decode('ab\u0001', 'X')).to.deep.equal({ text: 'ab', leave: true });
  });

  it('passes Ctrl-C and x on, and Ctrl-A when typed twice', () => {
    expect(decode('\u0003x')).to.deep.equal({ text: '\u0003x', leave: false });
    expect(decode('\u0001\u0001x')).to.deep.equal({ text: '\u0001x', leave: false });
  });
});
