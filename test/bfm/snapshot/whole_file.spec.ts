// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SnapshotError } from '../../../src/bfm/snapshot/snapshot_error.js';
import { writeWholeFile } from '../../../src/bfm/snapshot/whole_file.js';
import { Fifo } from '../fifo.js';
import { inFolder } from './saved_machine.js';

const source = new URL('../../../src/bfm/snapshot/whole_file.js', import.meta.url).href;

/** Replaces a file for ever, each time by other bytes, and says so before. */
const replacing = `
const { writeWholeFile } = await import(${JSON.stringify(source)});
for (let round = 1; ; round++) {
  process.stdout.write('x');
  await writeWholeFile(process.argv[1], Array.from({ length: 40 }, () => new Uint8Array(50_000).fill(round)));
}`;

describe('writeWholeFile', () => {
  it('writes all parts, and replaces a file', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'file');
      writeFileSync(path, 'an older and longer text');
      await writeWholeFile(path, [Buffer.from('new '), Buffer.from('text')]);
      expect(readFileSync(path, 'utf8')).to.equal('new text');
      expect(readdirSync(folder)).to.deep.equal(['file']);
    }));

  it('leaves the old file, and nothing else, if it cannot write', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'file');
      mkdirSync(path);
      for (const bad of [path, join(folder, 'none', 'file')]) {
        const error = await writeWholeFile(bad, [Uint8Array.of(1)]).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        expect(error).to.be.instanceOf(SnapshotError);
        expect((error as SnapshotError).message).to.include(bad);
      }
      expect(readdirSync(folder)).to.deep.equal(['file']);
    }));

  it('replaces what links lead to, and leaves the links', () =>
    inFolder(async (folder) => {
      const [link, next] = [join(folder, 'link'), join(folder, 'next')];
      mkdirSync(join(folder, 'real'));
      const file = join(folder, 'real', 'file');
      symlinkSync('next', link);
      symlinkSync(file, next);
      for (const text of ['first', 'second']) {
        await writeWholeFile(link, [Buffer.from(text)]);
        expect(readFileSync(file, 'utf8')).to.equal(text);
      }
      expect([readlinkSync(link), readlinkSync(next)]).to.deep.equal(['next', file]);
      expect(readdirSync(folder, { recursive: true })).to.have.members(['link', 'next', 'real', join('real', 'file')]);
    }));

  it('leaves a pipe as it is', function () {
    if (process.platform === 'win32') this.skip();
    return inFolder(async (folder) => {
      const { path } = new Fifo(join(folder, 'pipe'));
      const error: unknown = await writeWholeFile(path, [Uint8Array.of(1)]).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(SnapshotError).with.property('message').that.includes('it is a pipe, not a file');
      expect(lstatSync(path).isFIFO()).to.equal(true);
    });
  });

  it('leaves a whole file, old or new, when the process is killed', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'file');
      for (let kills = 1; kills <= 4; kills++) {
        const child = spawn(process.execPath, ['--input-type=module', '--eval', replacing, path]);
        try {
          // Rounds have begun, so at least the first of them is complete; which step of the last one is under way differs.
          for (let rounds = 0; rounds < 1 + kills;)
            rounds += ((await once(child.stdout, 'data')) as [Buffer])[0].length;
        } finally {
          child.kill('SIGKILL');
        }
        await once(child, 'exit');
        const bytes = readFileSync(path);
        expect([bytes.length, bytes.every((byte) => byte === bytes[0])]).to.deep.equal([2_000_000, true]);
      }
    }));
});
