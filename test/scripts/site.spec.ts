// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Fifo } from '../bfm/fifo.js';
import { temporaryFolder } from '../driver/node/temporary_folder.js';
import { packageRoot } from '../../src/driver/node/package_paths.js';

const site = (...args: string[]) => {
  const script = join(packageRoot, 'scripts', 'site.mjs');
  const limits = { timeout: 60_000, killSignal: 'SIGKILL' } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8', ...limits });
  return { status, stdout, stderr };
};

describe('npm run site', () => {
  const folder = temporaryFolder();

  it('lists its options', () => {
    const { status, stdout } = site('--help');
    expect(status).to.equal(0);
    for (const option of ['guest', 'snapshot', 'kernel', 'initrd', 'append', 'memory', 'out', 'serve'])
      expect(stdout).to.include(`--${option}`);
  });

  it('refuses what it does not know before it builds anything, and lists its options', () => {
    for (const [args, why] of [
      [['--bogus'], "Unknown option '--bogus'"],
      [['--memory', '512M'], '--memory 512M: it must be a number of MiB, as in --memory 512'],
      [['8080'], "unexpected '8080'; a port goes after --serve"],
    ] as const) {
      const { status, stdout, stderr } = site(...args);
      expect([status, stdout]).to.deep.equal([2, '']);
      expect(stderr).to.include(`npm run site: ${why}\n`).and.include('--serve [PORT]');
    }
  });

  it('refuses files that cannot be read, before it builds anything: with a pipe it waited for ever', () => {
    const { path: pipe } = new Fifo(join(folder.path, 'pipe'));
    const missing = join(folder.path, 'missing');
    for (const [args, why] of [
      [['--snapshot', pipe], `--snapshot ${pipe}: it is a pipe, not a file`],
      [['--kernel', pipe], `--kernel ${pipe}: it is a pipe, not a file`],
      [
        ['--kernel', join(packageRoot, 'package.json'), '--initrd', missing],
        `--initrd ${missing}: there is no such file`,
      ],
    ] as const) {
      const { status, stdout, stderr } = site('--out', join(folder.path, 'site'), ...args);
      expect({ status, stdout, stderr }).to.deep.equal({ status: 1, stdout: '', stderr: `npm run site: ${why}\n` });
    }
  });
});
