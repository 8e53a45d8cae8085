// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { parseWatchedWrites } from '../../../src/bfm/explore/watched_writes.js';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';

describe('parseWatchedWrites', () => {
  it('takes a physical address, and 8 bytes unless there is a number of them', () => {
    expect(parseWatchedWrites('0x1000')).to.deep.equal({ address: 0x1000n, bytes: 8 });
    expect(parseWatchedWrites('4096,64')).to.deep.equal({ address: 4096n, bytes: 64 });
  });

  it('refuses anything else', () => {
    for (const value of ['', 'page', '0x', '0x1000,', '0x1000,0', '-1', '0x1,2,3', '0x11111111111111111'])
      expect(() => parseWatchedWrites(value), value).to.throw(UsageError, '--watch-writes');
  });
});
