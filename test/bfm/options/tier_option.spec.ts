// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { parseTier } from '../../../src/bfm/options/tier_option.js';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';

describe('parseTier', () => {
  it('says only what differs from the default', () => {
    expect([parseTier('on'), parseTier('off'), parseTier('forced')]).to.deep.equal([
      {},
      { tier: 'off' },
      { tier: 'forced' },
    ]);
  });

  it('refuses other modes, and names the right ones', () => {
    expect(() => parseTier('fast')).to.throw(UsageError, 'on, off or forced');
  });
});
