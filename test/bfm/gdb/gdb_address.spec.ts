// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_GDB_PORT, gdbHint, parseGdbAddress } from '../../../src/bfm/gdb/gdb_address.js';
import { FileError } from '../../../src/bfm/failures/file_error.js';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';

describe('parseGdbAddress', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gdb-'));
  after(() => rmSync(folder, { recursive: true }));

  it('knows ports and sockets', () => {
    expect(parseGdbAddress(true)).to.deep.equal({ kind: 'tcp', port: DEFAULT_GDB_PORT });
    expect(parseGdbAddress('0')).to.deep.equal({ kind: 'tcp', port: 0 });
    expect(parseGdbAddress('65535')).to.deep.equal({ kind: 'tcp', port: 65535 });
    expect(parseGdbAddress(`unix:${folder}/s`)).to.deep.equal({ kind: 'unix', path: join(folder, 's') });
    expect(gdbHint(':1234')).to.include('target remote :1234');
  });

  it('refuses what is neither, and hosts: nobody else may reach the machine', () => {
    for (const wrong of ['', '-1', '65536', '1e3', '0.0.0.0:1234', 'localhost:1', 'unix:', 'tcp::1'])
      expect(() => parseGdbAddress(wrong), wrong).to.throw(UsageError, '--gdb');
  });

  it('refuses a folder in which others could change the socket, and a path that is in use', () => {
    writeFileSync(join(folder, 'there'), '');
    expect(() => parseGdbAddress(`unix:${folder}/there`)).to.throw(FileError, 'exists already');
    expect(() => parseGdbAddress(`unix:${folder}/no/s`)).to.throw(FileError, 'there is no folder');
    expect(() => parseGdbAddress(`unix:${folder}/${'s'.repeat(104)}`)).to.throw(FileError, 'at most 103 bytes');
    chmodSync(folder, 0o755);
    if (process.getuid !== undefined) expect(() => parseGdbAddress(`unix:${folder}/s`)).to.throw(FileError, '0700');
  });
});
