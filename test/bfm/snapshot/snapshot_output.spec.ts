// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { relative } from 'node:path';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';
import { snapshotOutput } from '../../../src/bfm/snapshot/snapshot_output.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

const folder = temporaryFolder();

describe('snapshotOutput', () => {
  it('makes a path absolute', () => {
    const file = folder.write('file', '');
    expect(snapshotOutput('--save', relative('.', file))).to.equal(file);
  });

  it('refuses no name, and what no file can replace, with the option and what to do', () => {
    expect(() => snapshotOutput('save', '')).to.throw(UsageError, "save '': it must be the name of a file");
    expect(() => snapshotOutput('--save', folder.path))
      .to.throw(UsageError, `--save ${folder.path}: it is a folder, not a file; name a file in a folder of yours`)
      .with.deep.property('details', {
        where: '--save',
        found: 'a folder',
        expected: 'a file that can be written',
        advice: 'name a file in a folder of yours',
      });
  });
});
