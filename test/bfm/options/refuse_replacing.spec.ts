// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';
import { refuseReplacing } from '../../../src/bfm/options/refuse_replacing.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

const folder = temporaryFolder();

describe('refuseReplacing', () => {
  it('refuses a file that the machine reads, under each of its names, and takes any other', () => {
    const disk = folder.write('disk', 'x');
    const link = join(folder.path, 'link');
    symlinkSync(disk, link);
    for (const output of [disk, link])
      expect(() => refuseReplacing('--save', output, [undefined, disk])).to.throw(
        UsageError,
        `--save ${output} would replace a file that the machine reads`,
      );
    refuseReplacing('--save', join(folder.path, 'new'), [undefined, disk]);
    refuseReplacing('--save', disk, []);
  });
});
