// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { lastError } from '../../src/driver/last_error.js';

describe('lastError', () => {
  it('is the last line of a log that tells of an error, without its colours', () => {
    const log =
      '\u001b[91mERROR: \u001b[0mfirst\n\u001b[92mDEBUG: \u001b[0mfine\n\u001b[91mERROR: \u001b[0msecond\nDEBUG: x\n';
    expect(lastError(log)).to.equal('second');
  });

  it('is undefined if the log tells of none', () => {
    expect(lastError('DEBUG: fine\n')).to.equal(undefined);
    expect(lastError(undefined)).to.equal(undefined);
  });
});
