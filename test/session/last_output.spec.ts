// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { LastOutput } from '../../src/session/last_output.js';

function linesAfter(text: string): string[] {
  const output = new LastOutput();
  for (const byte of Buffer.from(text)) output.push(byte);
  return output.lines();
}

describe('LastOutput', () => {
  it('gives the last five lines that hold anything', () => {
    expect(linesAfter('1\n2\n3\r\n\r\n4\n5\n6\n')).to.deep.equal(['2', '3', '4', '5', '6']);
    expect(linesAfter('')).to.deep.equal([]);
  });

  it('keeps a bounded end of a long output', () => {
    expect(linesAfter(`${'x'.repeat(100_000)}\nlast`)).to.deep.equal(['x'.repeat(2043), 'last']);
  });

  it('goes on with what another one has kept, and knows whether the last line is open', () => {
    const [one, other] = [new LastOutput(), new LastOutput()];
    for (const byte of Buffer.from(`${'x'.repeat(5000)}\nlast\r\n# `)) one.push(byte);
    other.restore(one.save());
    expect([other.lines(), other.isLineOpen]).to.deep.equal([one.lines(), true]);
    other.push(13);
    expect([other.lines().at(-1), other.isLineOpen]).to.deep.equal(['#', false]);
    expect(new LastOutput().isLineOpen).to.equal(false);
    other.restore(Buffer.from('earlier\n'));
    expect(other.lines()).to.deep.equal(['earlier']);
  });

  it('takes out what would act on the terminal', () => {
    expect(linesAfter('\x1b[2J\x1b[31mred\x07\x9b\x1b]0;title')).to.deep.equal(['red]0;title']);
  });
});
