// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openConsole } from '../../../src/bfm/worker/console_file.js';
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

  it('says which file cannot be read or written', () => {
    expect(() => openConsole({ output: join(folder, 'none/out') })).to.throw(FileError, /none\/out cannot be written/);
    expect(() => openConsole({ output: join(folder, 'out'), input: join(folder, 'gone') })).to.throw(
      FileError,
      /gone cannot be read: ENOENT/,
    );
  });
});
