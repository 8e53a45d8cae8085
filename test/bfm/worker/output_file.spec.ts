// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { closeSync, constants, openSync, readFileSync, readSync, statSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { openOutput, reasonOfOutput } from '../../../src/bfm/worker/output_file.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { Fifo } from '../fifo.js';

const folder = temporaryFolder();

function reasonFor(path: string): string | undefined {
  try {
    closeSync(openOutput(path));
    return undefined;
  } catch (error) {
    return reasonOfOutput(error);
  }
}

describe('openOutput', () => {
  it('empties a file, and makes one with the mode', () => {
    const old = folder.write('old', 'text');
    closeSync(openOutput(old));
    expect(readFileSync(old, 'utf8')).to.equal('');
    const made = join(folder.path, 'new');
    closeSync(openOutput(made, 0o600));
    expect(statSync(made).mode & 0o777).to.equal(0o600);
  });

  it('refuses a pipe that nobody reads, and writes to one with a reader', function () {
    if (process.platform === 'win32') this.skip();
    const { path } = new Fifo(join(folder.path, 'pipe'));
    expect(reasonFor(path)).to.equal('it is a pipe that no program reads; start the reader first');
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const writer = openOutput(path);
      writeSync(writer, 'abc');
      closeSync(writer);
      const bytes = Buffer.alloc(16);
      expect(bytes.subarray(0, readSync(reader, bytes)).toString()).to.equal('abc');
    } finally {
      closeSync(reader);
    }
  });

  it('refuses a socket', async function () {
    if (process.platform === 'win32') this.skip();
    const path = join(folder.path, 'socket');
    const server = createServer().listen(path);
    try {
      await once(server, 'listening');
      expect(reasonFor(path)).to.equal('it is a socket, not a file');
    } finally {
      server.close();
    }
  });

  it('says what to do if there is no folder, or only a folder', () => {
    expect(reasonFor(join(folder.path, 'no/file'))).to.equal(
      'there is no such folder; name a file in a folder of yours',
    );
    expect(reasonFor(folder.path)).to.equal('it is a folder; name a file');
  });

  it('says what the system says otherwise', () =>
    expect(reasonFor(join(folder.path, 'n'.repeat(300)))).to.match(/^ENAMETOOLONG/));
});
