// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ConsoleLog } from '../../../src/session/replay/console_log.js';

const push = (log: ConsoleLog, text: string): boolean[] => [...Buffer.from(text)].map((byte) => log.push(byte));

describe('ConsoleLog', () => {
  it('tells bytes at new places from those that were there before', () => {
    const log = new ConsoleLog();
    expect(push(log, 'abc')).to.deep.equal([true, true, true]);
    log.goTo(1);
    expect(push(log, 'bcd')).to.deep.equal([false, false, true]);
    expect(log.length).to.equal(4);
    expect(log.endOf('abcd')).to.equal(4);
  });

  it('finds the first occurrence of a text, and none that is not there', () => {
    const log = new ConsoleLog();
    push(log, 'x ab ab');
    expect(['ab', 'x', 'b a', 'abc'].map((text) => log.endOf(text))).to.deep.equal([4, 1, 6, undefined]);
  });

  it('gives a matcher that goes on in the middle of a text', () => {
    const log = new ConsoleLog();
    push(log, 'x aba');
    const matcher = log.matcherAt(5, 'abac');
    expect(matcher.push('c'.charCodeAt(0))).to.equal(true);
    expect(log.matcherAt(4, 'abac').push('c'.charCodeAt(0))).to.equal(false);
  });

  it('keeps as many bytes as it may, and counts on', () => {
    const log = new ConsoleLog(3);
    expect(push(log, 'abcd')).to.deep.equal([true, true, true, true]);
    expect([log.length, log.searchable, log.endOf('abc'), log.endOf('d')]).to.deep.equal([4, 3, 3, undefined]);
    const long = new ConsoleLog();
    push(long, `${'-'.repeat(10_000)}end`);
    expect(long.endOf('end')).to.equal(10_003);
  });
});
