// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileError } from '../../../src/bfm/failures/file_error.js';
import { OpenedOutput } from '../../../src/bfm/instruments/opened_output.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

describe('OpenedOutput', () => {
  const folder = temporaryFolder();

  it('takes text in pieces, in the place of what the file had', () => {
    const path = folder.write('file', 'old');
    const file = OpenedOutput.open('--trace', path);
    file.append('a');
    file.append('ü');
    file.close();
    expect(readFileSync(path, 'utf8')).to.equal('aü');
  });

  it('refuses a file that cannot be written, and names the option', () => {
    const path = join(folder.path, 'none', 'file');
    expect(() => OpenedOutput.open('--profile', path)).to.throw(FileError, /^--profile .*file cannot be written: /);
  });
});
