// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { strToU8, zlibSync } from 'fflate';
import { linkOfRun, MOST_LINK, runOfLink, type SharedRun } from '../../../src/site/machine/run_link.js';

const at = { turn: 3, instructions: 1000, virtualTime: 2000.5 };
const run: SharedRun = {
  guest: '0123456789abcdef',
  processors: 2,
  items: [
    { kind: 'event', at, event: { kind: 'call', method: 'load', params: { modules: ['edited_1'] } } },
    { kind: 'event', at: { ...at, exit: 4 }, event: { kind: 'typed', bytes: [108, 115, 10] } },
    { kind: 'end', at, outcome: 'shared', instructions: 5000, virtualTime: 6000, hash: 'fedcba9876543210' },
  ],
  sources: { edited_1: `export const text = 'ä ≤ "';` },
};

/** A link with another content. */
const linkOf = (content: unknown): string =>
  Buffer.from(zlibSync(strToU8(JSON.stringify(content)))).toString('base64url');

describe('linkOfRun', () => {
  it('gives a text for a URL, of which runOfLink makes the same run', () => {
    const link = linkOfRun(run);
    expect(link).to.match(/^[A-Za-z0-9_-]+$/);
    expect(link.length).to.be.below(500);
    expect(runOfLink(link)).to.deep.equal(run);
  });

  it('keeps the values of parameters', () => {
    const params = { modules: ['cpuid_value'], settings: { 'cpuid_value.leaf': '7' } };
    const items: SharedRun['items'] = [{ kind: 'event', at, event: { kind: 'call', method: 'load', params } }];
    expect(runOfLink(linkOfRun({ ...run, items })).items).to.deep.equal(items);
  });

  it('refuses a run that takes more than 8 KiB', () => {
    // Digits of a generator, which no compression makes shorter than half.
    let word = 1;
    const noise = Array.from({ length: 3000 }, () => (word = (word * 48271) % 0x7fffffff)).join('');
    expect(() => linkOfRun({ ...run, sources: { noise } })).to.throw(
      /^the run takes \d+ characters, and a link has 8192/,
    );
  });
});

describe('runOfLink', () => {
  it('refuses what is no link', () => {
    for (const text of ['', 'abc', '***', linkOfRun(run).slice(0, -9)])
      expect(() => runOfLink(text)).to.throw('the link is damaged: copy the whole of it');
    expect(() => runOfLink('a'.repeat(MOST_LINK + 1))).to.throw('a link has 8192 characters at most, this one 8193');
    expect(() => runOfLink(linkOf([2, run]))).to.throw('the link is of version 2, this page reads version 1');
    expect(() => runOfLink(linkOf('text'))).to.throw('the link is of version undefined');
  });

  it('refuses a run of another shape, with the place', () => {
    const items = [{ kind: 'event', at, event: { kind: 'typed', bytes: [256] } }];
    expect(() => runOfLink(linkOf([1, { ...run, items }]))).to.throw(/^the link is damaged: items\.0/);
    expect(() => runOfLink(linkOf([1, { ...run, processors: 99 }]))).to.throw(/^the link is damaged: processors/);
    expect(() => runOfLink(linkOf([1, { ...run, more: 1 }]))).to.throw(/^the link is damaged/);
  });
});
