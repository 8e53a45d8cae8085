// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { TextMatcher } from '../../src/session/text_matcher.js';

describe('TextMatcher', () => {
  /** Where in `stream` the text was found complete: indexes of last bytes. */
  const find = (text: string, stream: string): number[] => {
    const matcher = new TextMatcher(text);
    return [...new TextEncoder().encode(stream)].flatMap((byte, index) => (matcher.push(byte) ? [index] : []));
  };

  it('finds a text after false starts', () => {
    expect(find('aab', 'aaaab')).to.deep.equal([4]);
    expect(find('abcabd', 'abcabcabd')).to.deep.equal([8]);
    expect(find('Linux version', 'xxLinux versiox Linux version 6')).to.deep.equal([28]);
  });

  it('finds overlapping occurrences', () => {
    expect(find('aa', 'aaa')).to.deep.equal([1, 2]);
  });

  it('compares bytes of UTF-8', () => {
    expect(find('é', 'aéb')).to.deep.equal([2]);
  });
});
