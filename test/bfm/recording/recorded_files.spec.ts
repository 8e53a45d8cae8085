// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { filesOf, hashOfFile, recordedFilesOf } from '../../../src/bfm/recording/recorded_files.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { cpuidRun } from './own_run.js';

const folder = temporaryFolder();
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('The files of a recording', () => {
  it('are all that the machine reads, each once', () => {
    const request = {
      ...cpuidRun,
      kernel: '/k',
      initrd: [
        { file: '/i', arguments: 'x' },
        { file: '/k', arguments: '' },
      ],
      disks: [{ path: '/d', isWritable: true }],
      virtioConsole: { output: '/o', input: '/t' },
    };
    expect(filesOf(request)).to.deep.equal(['/k', '/i', '/d', '/t']);
    expect(filesOf({ ...cpuidRun, kernel: '/k', virtioConsole: { output: '/o' } })).to.deep.equal(['/k']);
    expect(filesOf({ ...cpuidRun, kernel: '/k', symbols: [{ file: '/s' }] })).to.deep.equal(['/k', '/s']);
  });

  it('have the hashes of their contents, however long they are', () => {
    for (const length of [0, 1, (1 << 20) - 1, 1 << 20, (2 << 20) + 7]) {
      const bytes = Uint8Array.from({ length }, (_, i) => i * 7);
      const kernel = folder.write('kernel', bytes);
      expect(hashOfFile(kernel)).to.equal(sha256(bytes));
      expect(recordedFilesOf({ ...cpuidRun, kernel })).to.deep.equal([{ path: kernel, sha256: sha256(bytes) }]);
    }
  });
});
