// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openConsole } from '../../../src/bfm/worker/console_file.js';
import { Fifo } from '../fifo.js';
import { FileError } from '../../../src/bfm/failures/file_error.js';

describe('openConsole', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'bfm-console-'))));
  after(() => rmSync(folder, { recursive: true }));

  it('writes what the guest prints, in place of what the file had, and types what another file has', () => {
    const [output, input] = [join(folder, 'out'), join(folder, 'in')];
    writeFileSync(output, 'something old and long');
    writeFileSync(input, 'ls\n');
    const port = openConsole({ output, input });
    expect(Buffer.from(port.input).toString()).to.equal('ls\n');
    port.output(Buffer.from('hello '));
    port.output(Buffer.from('hvc0\n'));
    expect(readFileSync(output, 'utf8')).to.equal('hello hvc0\n');
  });

  it('types nothing without an input', () => {
    expect(openConsole({ output: join(folder, 'only') }).input).to.have.length(0);
  });

  it('refuses a pipe that nobody reads, which would block the thread for ever, and writes to one with a reader', function () {
    if (process.platform === 'win32') this.skip();
    const { path } = new Fifo(join(folder, 'pipe'));
    expect(() => openConsole({ output: path })).to.throw(
      FileError,
      /pipe cannot be written: it is a pipe that no program reads/,
    );
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      openConsole({ output: path }).output(Buffer.from('hvc0'));
      const bytes = Buffer.alloc(16);
      expect(bytes.subarray(0, readSync(reader, bytes)).toString()).to.equal('hvc0');
    } finally {
      closeSync(reader);
    }
  });

  it('says which file cannot be read or written', () => {
    expect(() => openConsole({ output: join(folder, 'none/out') })).to.throw(FileError, /none\/out cannot be written/);
    expect(() => openConsole({ output: join(folder, 'out'), input: join(folder, 'gone') })).to.throw(
      FileError,
      /gone cannot be read: ENOENT/,
    );
  });
});
