// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { LineChain } from '../../../src/bfm/recording/line_chain.js';

const lines = ['{"a":1}', '{"a":1}', '{"text":"…\\n\\"}"}'];
const seal = (): string[] => {
  const chain = new LineChain();
  return lines.map((line) => chain.seal(line));
};

describe('LineChain', () => {
  it('opens what it has sealed, and what it has sealed is JSON', () => {
    const chain = new LineChain();
    expect(seal().map((line) => chain.open(line))).to.deep.equal(lines);
    for (const [i, line] of seal().entries())
      expect(JSON.parse(line))
        .to.deep.include(JSON.parse(lines[i]!) as object)
        .and.have.property('check');
  });

  it('gives equal lines at other places other checks', () => {
    expect(new Set(seal()).size).to.equal(3);
  });

  it('opens no line that was changed, and no line that follows another one than it did', () => {
    const [first, second, third] = seal() as [string, string, string];
    expect(new LineChain().open(first.replace('1', '2'))).to.equal(undefined);
    expect(new LineChain().open(second)).to.equal(undefined);
    expect(new LineChain().open(lines[0]!)).to.equal(undefined);
    const chain = new LineChain();
    chain.open(first);
    expect(chain.open(third)).to.equal(undefined);
  });
});
