// SPDX-License-Identifier: LGPL-2.1-only
// The guests of `bfm guest`, really made from Debian's archive, and used as a person does. Only `npm run test:full` does it.
import { expect } from 'chai';
import { spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
    this.timeout(3_600_000); // the packages of the disk are configured in the simulated PC
    cacheHome = mkdtempSync(join(tmpdir(), 'bareflank-cache-'));
    process.env.XDG_CACHE_HOME = cacheHome;
    for (const name of ['debian', 'debian-disk']) {
      const made = await bfm('guest', name);
      expect(made, made.stderr).to.include({ status: 0 });
    }
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

  it('debian-disk boots systemd to a login, compiles and runs C, runs perl and python, and powers off', async () => {
    const prompt = 'root@debian:~# ';
    const { status, stdout, stderr } = await run(
      ['--guest', 'debian-disk', '-m', 'cpuidcount'],
      [
        ['debian login: ', 'root\n'],
        [prompt, `printf 'int puts(const char*);int main(){puts("C" "+runs");}' >a.c && gcc a.c -o a && ./a\n`],
        [prompt, `perl -e 'print 6*7, "-perl\\n"'; python3 -c 'import json; print(json.dumps({"p": 6*7}))'\n`],
        [prompt, 'dpkg --audit && systemctl is-system-running; echo audited; poweroff\n'],
      ],
    );
    expect(status, stderr).to.equal(0);
    expect(stdout)
      .to.match(/^C\+runs\r$/m)
      .and.to.match(/^42-perl\r$/m)
      .and.to.match(/^\{"p": 42\}\r$/m);
    expect(stdout, 'no package is half configured, no unit has failed').to.match(/running\r\naudited\r\n/);
    expect(stdout).to.contain('reboot: Power down');
    expect(stderr).to.match(/the guest switched the power off/);
  });

  it('debian reads every byte that a virtio console types, and prints every byte to it', async () => {
    const [output, input] = [join(cacheHome!, 'printed'), join(cacheHome!, 'typed')];
    // Each byte in each place of a buffer, and more than the terminal's buffers take at once.
    const typed = Buffer.from(Array.from({ length: 40_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
    writeFileSync(input, typed);
    const printedBytes = 300_000;
    const { status, stdout, stderr } = await run(
      ['--guest', 'debian', '--virtio-console', `${output},input=${input}`],
      [
        [PROMPT, `exec 5<>/dev/hvc0; stty raw -echo <&5; echo ready >&5; head -c ${typed.length} <&5 | md5sum\n`],
        [PROMPT, `head -c ${printedBytes} /bin/busybox >&5; head -c ${printedBytes} /bin/busybox | md5sum\n`],
        [PROMPT, 'poweroff -f\n'],
      ],
    );
    expect(status, stderr).to.equal(0);
    const sums = [...stdout.matchAll(/^(\w{32}) {2}-\r$/gm)].map(([, sum]) => sum);
    const printed = readFileSync(output);
    const sumOf = (bytes: Buffer): string => createHash('md5').update(bytes).digest('hex');
    const greeting = 'ready\n';
    expect(printed.toString('latin1', 0, greeting.length)).to.equal(greeting);
    expect(sums).to.deep.equal([sumOf(typed), sumOf(printed.subarray(greeting.length))]);
    expect(printed).to.have.length(greeting.length + printedBytes);
  });

  it('a disk has every write that the guest had flushed, whenever bfm is killed; without ,write it stays as it is', async () => {
    const disk = join(cacheHome!, 'disk.img');
    const record = 8;
    const loop = [
      `i=0; while [ $i -lt 500 ]; do i=$((i+1))`,
      `printf '%0${record}d' $i | dd of=/dev/vda bs=${record} seek=$i conv=fsync,notrunc 2>/dev/null; echo flushed $i.; done`,
    ].join('; ');
    for (const [last, mode] of [
      [1, ',write'],
      [17, ',write'],
      [43, ',write'],
      [17, ''],
    ] as const) {
      writeFileSync(disk, Buffer.alloc(2 ** 20));
      let text = '';
      child = startBfm(['run', '--guest', 'debian', '--pace', 'fast', '--disk', `${disk}${mode}`, '--timeout', '600']);
      const machine = child;
      const end = ended(machine);
      converse(machine, [[PROMPT, `${loop}\n`]]);
      machine.stdout.on('data', (data) => {
        text += String(data);
        if (text.includes(`flushed ${last}.`)) machine.kill('SIGKILL');
      });
      await end;
      const flushed = Number(/.*flushed (\d+)\./s.exec(text)?.[1] ?? 0);
      expect(flushed, text).to.be.at.least(last);
      const image = readFileSync(disk);
      const missing = Array.from({ length: flushed }, (_, index) => index + 1).filter(
        (i) => image.toString('latin1', i * record, (i + 1) * record) !== String(i).padStart(record, '0'),
      );
      if (mode === '') expect(image.every((byte) => byte === 0)).to.equal(true);
      else expect(missing, `killed after ${last}`).to.deep.equal([]);
    }
  });
});
