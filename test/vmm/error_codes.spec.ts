// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ErrorCode, errorCodeName, stringifiedErrorCodes } from '../../src/vmm/error_codes.js';

describe('errorCodeName', () => {
  it('names every kind of failure', () => {
    for (const name of stringifiedErrorCodes) {
      expect(errorCodeName(name === 'SUCCESS' ? 0n : ErrorCode[name])).to.equal(name);
    }
    expect(stringifiedErrorCodes).to.have.length(34);
  });

  it('does not know other numbers', () => {
    expect(errorCodeName(1n)).to.equal('UNDEFINED_ERROR_CODE');
    expect(errorCodeName(0xffffffffffffffffn), 'BF_IOCTL_FAILURE is −1').to.equal('BF_IOCTL_FAILURE');
  });
});
