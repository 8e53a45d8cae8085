// SPDX-License-Identifier: LGPL-2.1-only
// The guests of `bfm guest`, really made from Debian's archive, and used as a person does. Only `npm run test:full` does it.
import { expect } from 'chai';
import { spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bfm, ended, startBfm, type BfmResult } from '../bfm_process.js';

const PROMPT = ':/# ';

/** Types each text once the console shows what it waits for, behind what it waited for before. */
function converse(
  child: ChildProcessWithoutNullStreams,
  talk: readonly (readonly [wait: string, type: string])[],
): void {
  let unread = '';
  let next = 0;
  child.stdout.on('data', (data) => {
    unread += String(data);
    while (next < talk.length) {
      const [wait, type] = talk[next]!;
      const at = unread.indexOf(wait);
      if (at < 0) return;
      unread = unread.slice(at + wait.length);
      next++;
      child.stdin.write(type);
    }
  });
}

describe("Debian's guests", () => {
  const cacheHomeBefore = process.env.XDG_CACHE_HOME;
  let cacheHome: string | undefined;
  let child: ChildProcessWithoutNullStreams | undefined;

  async function run(options: readonly string[], talk: readonly (readonly [string, string])[]): Promise<BfmResult> {
    child = startBfm(['run', '--pace', 'fast', '--timeout', '600', ...options]);
    converse(child, talk);
    return ended(child);
  }

  before(async function () {
    if (process.env.BAREFLANK_FULL !== '1') return this.skip();
    if (spawnSync('apt-get', ['--version']).status !== 0) return this.skip();
    this.timeout(600_000);
    cacheHome = mkdtempSync(join(tmpdir(), 'bareflank-cache-'));
    process.env.XDG_CACHE_HOME = cacheHome;
    const made = await bfm('guest', 'debian');
    expect(made, made.stderr).to.include({ status: 0 });
  });
  afterEach(() => child?.kill('SIGKILL'));
  after(() => {
    if (cacheHomeBefore === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = cacheHomeBefore;
    if (cacheHome !== undefined) rmSync(cacheHome, { recursive: true });
  });

  it('debian boots under cpuidcount to a shell with job control, which poweroff -f ends with the count', async () => {
    const { status, stdout, stderr } = await run(
      ['--guest', 'debian', '-m', 'cpuidcount'],
      [
        [PROMPT, 'uname -a\n'],
        [PROMPT, 'sleep 1 & jobs; lsmod | grep -c virtio; hostname\n'],
        [PROMPT, 'poweroff -f\n'],
      ],
    );
    expect(status, stderr).to.equal(0);
    expect(stdout).to.match(/Linux debian 6\.\S+-cloud-amd64 .*x86_64 GNU\/Linux/);
    expect(stdout).to.match(/\[1\]\+? +Running +sleep 1\r\n[1-9]\r\ndebian\r\n/);
    expect(stdout).not.to.match(/can't access tty|unknown symbol|can't load module/);
    expect(stderr).to.match(/cpuidcount: count +\d/);
  });
});
