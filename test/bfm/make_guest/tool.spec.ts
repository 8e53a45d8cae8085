// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { chmodSync } from 'node:fs';
import { GuestError } from '../../../src/bfm/guests/guest_error.js';
import { runTool } from '../../../src/bfm/make_guest/tool.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

const folder = temporaryFolder();

/** A program that consists of these lines of shell. */
function program(name: string, ...lines: string[]): string {
  const path = folder.write(name, ['#!/bin/sh', ...lines, ''].join('\n'));
  chmodSync(path, 0o755);
  return path;
}

const place = { folder: folder.path, signal: new AbortController().signal };
const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('runTool', () => {
  it('gives the standard output, and runs in the folder and in the C locale', async () => {
    const path = program('where', 'pwd', 'echo "$LC_ALL $1"');
    expect((await runTool(path, ['x y'], place)).toString()).to.match(/bareflank-test-[^/]+\nC x y\n$/);
  });

  it('names the Debian package of a program that is missing', async () => {
    const before = process.env.PATH;
    process.env.PATH = folder.path;
    try {
      const error = (await failure(runTool('dpkg-deb', [], place))) as GuestError;
      expect(error).to.be.instanceOf(GuestError);
      expect(error.message).to.match(
        /dpkg-deb cannot be run: there is no such program; install the Debian package dpkg/,
      );
      expect(error.details.where).to.equal('dpkg-deb');
    } finally {
      process.env.PATH = before;
    }
  });

  for (const [complaint, advice] of [
    ['E: Unable to locate package busybox-static', /run apt-get update as root/],
    ['E: Failed to fetch http://x/a.deb  404  Not Found [IP: 1]', /run apt-get update as root/],
    ["E: Failed to fetch http://x/a.deb  Temporary failure resolving 'x'", /check the network connection/],
    ['E: Failed to fetch http://x/a.deb  Could not connect to x:80', /check the network connection/],
    ['tar: lib/x: Cannot write: No space left on device', /make room on that disk, .* XDG_CACHE_HOME/],
    ["E: You don't have enough free space in /tmp/.", /make room on that disk/],
  ] as const)
    it(`says what to do about "${complaint}"`, async () => {
      const path = program('fails', `cat >&2 <<'EOF'`, complaint, 'EOF', 'exit 100');
      const error = (await failure(runTool(path, ['download'], place))) as GuestError;
      expect(error).to.be.instanceOf(GuestError);
      expect(error.message).to.contain(`fails download failed (status 100):\n${complaint}`).and.to.match(advice);
      expect(error.details.advice).to.match(advice);
    });

  it('shows what another failure says, without advice', async () => {
    const error = (await failure(runTool(program('odd', 'echo odd >&2', 'exit 3'), [], place))) as GuestError;
    expect(error.message).to.match(/odd failed \(status 3\):\nodd$/);
    expect(error.details.advice).to.equal(undefined);
  });

  it('ends the program when the user does not want it any more', async () => {
    const abort = new AbortController();
    const work = failure(
      runTool(program('hangs', 'exec sleep 600'), [], { folder: folder.path, signal: abort.signal }),
    );
    abort.abort();
    expect(await work).to.have.property('name', 'AbortError');
    const late = runTool(program('late', 'touch late-ran'), [], { folder: folder.path, signal: abort.signal });
    expect(await failure(late)).to.have.property('name', 'AbortError');
  });
});
