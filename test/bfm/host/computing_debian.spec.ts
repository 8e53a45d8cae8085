// SPDX-License-Identifier: LGPL-2.1-only
// A VMM that comes and goes under a Linux that computes on four processors. Only `npm run test:full` does it; the guest is that of `bfm guest debian`.
import { expect } from 'chai';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { HostClient } from '../../../src/bfm/client/host_client.js';
import { findGuest } from '../../../src/bfm/guests/find_guest.js';
import { packageRoot } from '../../../src/driver/node/package_paths.js';
import { bfm, startBfm } from '../bfm_process.js';
import { missing } from '../run/debian_packages.js';
import { ownRuntimeFolder } from './host_machine.js';

const MACHINE = 'computing';
const ROUNDS = 100;
/** Rounds by processes of the command line. The others are its requests, which are what reaches the machine. */
const BY_COMMAND_LINE = 10;
const PROCESSORS = 4;
const PROMPT = ':/# ';
const cpuidCount = join(packageRoot, 'extensions', 'hypervisor_example_cpuidcount', 'cpuidcount.modules');

/** The sum that each loop computes again and again. */
const numbers = Array.from({ length: 2000 }, (_, i) => `${i + 1}\n`).join('');
const sum = createHash('md5').update(numbers).digest('hex');

/** One loop: it says each sum that is wrong, and at the end how many there were. The quotes keep the echo of the line from being taken for the answer. */
const loop = [
  `loop() { n=0; while [ ! -e /tmp/end ]; do n=$((n+1))`,
  `case $(seq 1 2000 | md5sum) in ${sum}*) ;; *) echo "wrong ""sum on $1";; esac; done; echo "loop ""$1: $n sums."; }`,
].join('; ');

/** The console of a machine, with what it has shown since the last answer. */
class Shell {
  private readonly child: ChildProcessWithoutNullStreams;
  private unread = '';
  private look: () => void = () => {};
  private gone = false;

  constructor() {
    this.child = startBfm(['console', '--machine', MACHINE]);
    for (const stream of [this.child.stdout, this.child.stderr])
      stream.on('data', (data) => {
        this.unread += String(data);
        this.look();
      });
    this.child.on('close', () => {
      this.gone = true;
      this.look();
    });
  }

  /** Waits until the console shows this. @returns what it showed up to there. */
  shows(text: string): Promise<string> {
    return new Promise((done, failed) => {
      this.look = () => {
        const at = this.unread.indexOf(text);
        if (at >= 0) {
          done(this.unread.slice(0, at));
          this.unread = this.unread.slice(at + text.length);
        } else if (this.gone) failed(new Error(`the console ended before "${text}":\n${this.unread.slice(-2000)}`));
      };
      this.look();
    });
  }

  /** Types a line. @returns what the commands print. */
  async answer(commands: string): Promise<string> {
    this.child.stdin.write(`echo "be""gin"; ${commands}; echo "do""ne"\n`);
    await this.shows('begin\r\n');
    return (await this.shows('done\r\n')).replaceAll('\r', '');
  }

  type(line: string): void {
    this.child.stdin.write(`${line}\n`);
  }

  close(): void {
    this.child.kill('SIGKILL');
  }
}

describe('A Debian that computes on four processors', () => {
  let own: ReturnType<typeof ownRuntimeFolder>;
  let shell: Shell | undefined;
  let host: HostClient | undefined;

  before(function () {
    if (process.env.BAREFLANK_FULL !== '1') return this.skip();
    try {
      findGuest('debian');
    } catch (error) {
      missing((error as Error).message);
      return this.skip();
    }
    own = ownRuntimeFolder();
  });
  after(async () => {
    shell?.close();
    host?.close();
    await own?.close();
  });

  const command = async (...args: string[]): Promise<void> => {
    const { status, stderr } = await bfm('--machine', MACHINE, ...args);
    expect([args[0], status, stderr]).to.deep.equal([args[0], 0, '']);
  };

  /** What `bfm quick cpuidcount` and `bfm stop` do. */
  function commandsOf(round: number): { quick: () => Promise<unknown>; stop: () => Promise<unknown> } {
    if (round < BY_COMMAND_LINE) return { quick: () => command('quick', 'cpuidcount'), stop: () => command('stop') };
    const quick = async (): Promise<void> => {
      await host!.request('load', { files: [cpuidCount] });
      await host!.request('start', {});
    };
    return { quick, stop: () => host!.request('stop', {}) };
  }

  it(`does not notice ${ROUNDS} times bfm quick and bfm stop: sums are right, time goes on, dmesg has nothing new`, async function () {
    this.timeout(3_600_000);
    const loaded = await own.load(MACHINE, '--guest', 'debian', '--cpus', String(PROCESSORS));
    expect(loaded, loaded.stderr).to.include({ status: 0 });
    host = await HostClient.connect(MACHINE);
    shell = new Shell();
    await shell.shows(PROMPT);
    expect(await shell.answer('nproc; dmesg -c >/dev/null')).to.equal(`${PROCESSORS}\n`);
    shell.type(`${loop}; for i in 1 2 3 4; do loop $i & done`);
    // A sleep, which a timer ends, and then the clock in hundredths of a second.
    const answer = (): Promise<string> => shell!.answer('sleep 0.02; cat /proc/uptime');
    const time = async (): Promise<number> => Number(/^\d+\.\d+/m.exec(await answer())?.[0]);
    let last = await time();
    for (let round = 0; round < ROUNDS; round++) {
      const { quick, stop } = commandsOf(round);
      await quick();
      const under = await time();
      await stop();
      const without = await time();
      expect([last < under, under < without], `round ${round}: ${last}, ${under}, ${without}`).to.deep.equal([
        true,
        true,
      ]);
      last = without;
    }
    const ends = await shell.answer(
      'touch /tmp/end; wait; dmesg; cat /sys/devices/system/clocksource/*/current_clocksource',
    );
    expect(ends).not.to.contain('wrong');
    const sums = [...ends.matchAll(/^loop (\d): (\d+) sums\.$/gm)];
    expect(sums.map(([, which]) => which).sort()).to.deep.equal(['1', '2', '3', '4']);
    for (const [line, , count] of sums) expect(Number(count), line).to.be.above(ROUNDS);
    const rest = ends.replace(/^(loop .*|\[\d\].*)\n/gm, '');
    expect(rest, 'nothing in dmesg, and the clock is still the TSC').to.equal('tsc\n');
  });
});
