// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { bfm, ended, startBfm } from './bfm_process.js';

describe('bfm', () => {
  it('shows its help without arguments and with --help, status 0', async () => {
    const [bare, help, run] = await Promise.all([bfm(), bfm('--help'), bfm('run', '--help')]);
    expect([bare.status, help.status, run.status]).to.deep.equal([0, 0, 0]);
    expect(bare.stdout).to.include('Usage: bfm');
    expect(run.stdout).to.include('Examples:').and.to.include('--until <text>').and.to.include('124 time-out');
  });

  for (const [what, args, message] of [
    ['an unknown command', ['fly'], /unknown command 'fly'/],
    ['an unknown option', ['run', '--fly'], /unknown option '--fly'/],
    ['a superfluous argument', ['run', '--guest', 'cpuid', 'more'], /too many arguments/],
    ['nothing to run', ['run'], /say what to run: --guest NAME, --kernel FILE/],
    ['impossible memory', ['run', '--guest', 'cpuid', '--memory', '4T'], /--memory 4T is outside 16M … 3072M/],
    ['no processor', ['run', '--guest', 'cpuid', '--cpus', '0'], /--cpus 0: it must be a number of processors from 1/],
    ['too many', ['run', '--guest', 'cpuid', '--cpus', '9'], /--cpus 9: it must be a number of processors from 1 to 8/],
    ['fewer than none', ['run', '--guest', 'cpuid', '--cpus', '-1'], /--cpus -1: it must be a number of processors/],
    ['no number', ['run', '--guest', 'cpuid', '--cpus', 'x'], /--cpus x: it must be a number of processors/],
    ['an unknown guest', ['run', '--guest', 'nobody'], /there is no such guest/],
  ] as const) {
    it(`returns 2 and one message for ${what}`, async () => {
      const { status, stdout, stderr } = await bfm(...args);
      expect(status).to.equal(2);
      expect(stderr)
        .to.match(message)
        .and.to.match(/^bfm: /)
        .and.to.match(/^Try 'bfm( run)? --help'/m);
      expect(stderr).to.not.match(/\n\s+at /);
      expect(stdout).to.equal('');
    });
  }

  it('ends with status 1 and no stack when nobody reads its output any more', async () => {
    const child = startBfm(['run', '--guest', 'cpuid', '--append', '10']);
    child.stdout.destroy();
    const { status, stderr } = await ended(child);
    expect(status).to.equal(1);
    expect(stderr).to.not.match(/\n\s+at /);
  });

  it('returns 1 for a kernel that is not there', async () => {
    const { status, stderr } = await bfm('run', '--kernel', '/does/not/exist');
    expect(status).to.equal(1);
    expect(stderr).to.equal('bfm: --kernel /does/not/exist: there is no such file\n');
  });
});
