// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { FaultsError } from '../../../src/bfm/failures/faults_error.js';
import { FileError } from '../../../src/bfm/failures/file_error.js';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';

const usage = UsageError.ofOption('--cpus', '9', 'a number of processors');
const file = new FileError('-m x: there is no such file', { details: { where: '-m' } });

describe('FaultsError', () => {
  it('has all messages, and name and details of the first fault', () => {
    const error = new FaultsError([usage, file]);
    expect(error.message).to.equal('--cpus 9: it must be a number of processors\nalso: -m x: there is no such file');
    expect(error).to.deep.include({ name: 'UsageError', details: usage.details });
  });

  it('is a wrong use of the command line if one of its faults is', () => {
    expect(new FaultsError([file, usage]).isUsage).to.equal(true);
    expect(new FaultsError([file, file]).isUsage).to.equal(false);
  });
});
