// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sinon from 'sinon';
import { runCommandLine } from '../../../src/bfm/cli/command_line.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { ended, shows, startBfm, type BfmResult } from '../bfm_process.js';
import { KERNEL, useFakeDebian } from './fake_debian.js';

const folder = temporaryFolder();

/** Runs a command line in this process. Mocha prints nothing while it runs. */
async function bfm(...words: string[]): Promise<BfmResult> {
  const texts = { stdout: '', stderr: '' };
  const stubs = (['stdout', 'stderr'] as const).map((name) =>
    sinon.stub(process[name], 'write').callsFake((chunk) => {
      texts[name] += String(chunk);
      return true;
    }),
  );
  const { isTTY } = process.stderr;
  process.stderr.isTTY = false;
  try {
    const status = await runCommandLine(words);
    return { status, ...texts };
  } finally {
    for (const stub of stubs) stub.restore();
    process.stderr.isTTY = isTTY;
  }
}

describe('bfm guest', () => {
  const fake = useFakeDebian(folder);
  let child: ReturnType<typeof startBfm> | undefined;
  afterEach(() => child?.kill('SIGKILL'));

  it('makes a guest, lists it with its packages, checks it and removes it', async () => {
    expect((await bfm('guest')).stdout).to.contain('not made yet: bfm guest debian makes it');
    const made = await bfm('guest', 'debian');
    expect(made, made.stderr).to.include({ status: 0 });
    expect(made.stderr).to.match(
      /^bfm: downloading .*\nbfm: unpacking .*\nbfm: unpacking .*\nbfm: packing the RAM disk\n$/,
    );
    expect(made.stdout).to.contain(' bfm run --guest debian -m cpuidcount');
    const kept = await bfm('guest', 'debian');
    expect(kept).to.include({ status: 0, stderr: '' });
    expect(kept.stdout).to.match(
      /^debian is kept and up to date: .*\n {2}bfm run --guest debian .*\n {2}bfm guest debian --again makes it again,/,
    );
    expect((await bfm('guest', 'debian', '--again')).stderr).to.match(/^bfm: downloading /);
    expect((await bfm('guest')).stdout).to.contain(`${KERNEL}_1:2_amd64`);
    writeFileSync(join(fake.guests, 'debian', 'vmlinuz'), 'another kernel');
    expect((await bfm('guest')).stdout).to.match(
      /vmlinuz does not have the checksum .*; bfm guest debian makes it again/,
    );
    const run = await bfm('run', '--guest', 'debian');
    expect(run.status).to.equal(1);
    expect(run.stderr).to.match(
      /^bfm: the guest debian in .*vmlinuz is not used: .*bfm guest debian makes it again\n$/,
    );
    expect((await bfm('guest', 'debian', '--remove')).stdout).to.equal('debian is removed\n');
    expect(existsSync(join(fake.guests, 'debian'))).to.equal(false);
  });

  it('keeps nothing if apt fails, and says why', async () => {
    fake.downloadSays('E: Failed to fetch http://archive/x.deb  Could not connect to archive:80');
    const { status, stderr } = await bfm('guest', 'debian');
    expect(status).to.equal(1);
    expect(stderr).to.match(/Could not connect[^]*What to do: check the network connection/);
    expect(readdirSync(fake.guests)).to.deep.equal([]);
  });

  it('keeps nothing if Ctrl-C comes', async () => {
    process.env.FAKE_APT_HANGS = '1';
    child = startBfm(['guest', 'debian']);
    const end = ended(child);
    await shows(child, 'downloading');
    child.kill('SIGINT');
    const { status, stderr } = await end;
    expect(status).to.equal(130);
    expect(stderr).to.match(/guest debian was interrupted; nothing of it was kept\n$/);
    expect(readdirSync(fake.guests)).to.deep.equal([]);
  });

  it('refuses an unknown guest, and --remove without a guest', async () => {
    expect(await bfm('guest', 'nobody')).to.include({ status: 2 });
    expect((await bfm('guest', '--remove')).stderr).to.match(/--remove wants the name of a guest/);
  });
});
