// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { compare, differencesOf } from './comparison.js';

const ours = new Map([
  ['same', ['exit reason=a']],
  ['other', ['exit reason=a', 'guest_rip=code+2']],
]);
const bochs = new Map([
  ['same', ['exit reason=a']],
  ['other', ['exit reason=a', 'guest_rip=code+3']],
]);
const reviewed = [
  { reason: 'a reason', cases: [{ name: 'other', ours: 'guest_rip=code+2', bochs: 'guest_rip=code+3' }] },
];

describe('compare', () => {
  it('finds lines that only one machine printed', () => {
    expect(differencesOf(ours, bochs)).to.deep.equal([
      { name: 'other', ours: 'guest_rip=code+2', bochs: 'guest_rip=code+3' },
    ]);
  });

  it('finds a case that Bochs did not run', () => {
    expect(differencesOf(ours, new Map())).to.have.lengthOf(2);
  });

  it('expects reviewed differences', () => {
    expect(compare(ours, bochs, reviewed)).to.deep.equal({ unexpected: [], gone: [] });
  });

  it('reports a difference that nobody looked at', () => {
    expect(compare(ours, bochs, []).unexpected).to.deep.equal([
      'other: ours "guest_rip=code+2", Bochs "guest_rip=code+3"',
    ]);
  });

  it('reports a reviewed difference that is gone or has become another', () => {
    expect(compare(ours, ours, reviewed).gone).to.deep.equal([
      'other: ours "guest_rip=code+2", Bochs "guest_rip=code+3"',
    ]);
  });
});
