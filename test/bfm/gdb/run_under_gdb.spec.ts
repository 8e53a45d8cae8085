// SPDX-License-Identifier: LGPL-2.1-only
// Stock GDB against machines of bfm.
import { expect } from 'chai';
import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../../src/driver/node/package_paths.js';

const run = promisify(execFile);
const bfm = join(packageRoot, 'bin', 'bfm.mjs');
const hasGdb = spawnSync('gdb', ['--version']).status === 0;

describe('Stock GDB', function () {
  this.timeout(120_000);
  const folder = mkdtempSync(join(tmpdir(), 'gdb-'));
  chmodSync(folder, 0o700);
  const socket = join(folder, 'socket');
  let machine: ChildProcess | undefined;

  before(function () {
    if (hasGdb) return;
    if (process.env.CI === 'true') throw new Error('CI needs gdb');
    process.stderr.write('    (skipped: there is no gdb)\n');
    this.skip();
  });
  afterEach(() => {
    machine?.kill('SIGKILL');
    rmSync(socket, { force: true });
  });
  after(() => rmSync(folder, { recursive: true }));

  /** Starts a machine that waits for GDB, and runs GDB's commands. @returns what GDB shows, and the end of the machine */
  async function debugged(bfmArguments: readonly string[], commands: readonly string[]) {
    const process_ = spawn(process.execPath, [bfm, ...bfmArguments, '--gdb', `unix:${socket}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    machine = process_;
    const ended = once(process_, 'exit');
    let errors = '';
    await new Promise<void>((resolve, reject) => {
      process_.stderr.on('data', (bytes: Buffer) => {
        errors += bytes.toString();
        if (errors.includes('waits for GDB')) resolve();
      });
      process_.on('exit', () => reject(new Error(errors)));
    });
    const setup = ['set pagination off', 'set confirm off', `target remote ${socket}`];
    const all = [...setup, ...commands].flatMap((command) => ['-ex', command]);
    const { stdout, stderr } = await run('gdb', ['-q', '-nx', '-batch', ...all]);
    const [status] = (await ended) as [number];
    // What the stub prints, GDB shows on stderr.
    return { shown: stdout + stderr, status };
  }

  it('breaks, steps, watches and shows a guest under a VMM', async () => {
    const { shown, status } = await debugged(
      ['run', '--guest', 'cpuid', '--append', '20', '-m', 'cpuidcount', '--wait'],
      [
        'break *0x200053',
        'continue',
        'info threads',
        'printf "rcx %ld cr0 %lx\\n", $rcx, $cr0',
        'stepi',
        'set $xmm1.uint128 = 77',
        'set $cr0 = 0x80000000',
        'maintenance flush register-cache',
        'printf "xmm1 %d cr0 %lx\\n", $xmm1.v4_int32[0], $cr0',
        'delete',
        'monitor break-exit cpuid',
        'continue',
        'monitor exits',
        'monitor vmcs guestrip',
        'monitor ept 0x200000',
        'x/i $pc',
        'monitor break-exit none',
        'continue',
        'continue',
      ],
    );
    expect(shown).to.include('Breakpoint 1, 0x0000000000200053');
    expect(shown).to.include('processor 0, active, 64-bit, VMX non-root operation');
    expect(shown).to.include('VM exit cpuid at RIP 0x200053, handled by ExitHandlerCpuidCount: advanced');
    expect(shown).to.match(/cr0 80000031/);
    expect(shown).to.match(
      /Could not write register "cr0"; remote failure reply 'E\.cr0 cannot be 0x80000000: MOV to CR0/,
    );
    expect(shown).to.include('xmm1 77 cr0 80000031');
    expect(shown)
      .to.include('GuestRip = 0x200055')
      .and.match(/physical 0x200000/);
    expect(shown).to.include('0x200055:');
    expect(shown).to.include('exited normally');
    expect(status).to.equal(0);
  });

  it('goes back through a recorded run, across VM exits', async () => {
    const recording = join(folder, 'recording');
    await run(process.execPath, [
      bfm,
      'run',
      '--guest',
      'cpuid',
      '--append',
      '20',
      '-m',
      'cpuidcount',
      '--record',
      recording,
    ]);
    const { shown, status } = await debugged(
      ['replay', recording],
      [
        'break *0x200053',
        'continue',
        'continue',
        'continue',
        'printf "first %ld\\n", $r12',
        'reverse-stepi',
        'stepi',
        'reverse-continue',
        'monitor where',
        'reverse-continue',
        'monitor where',
        'delete',
        'reverse-continue',
        'printf "begin %lx\\n", $pc',
        'continue',
        'detach',
      ],
    );
    expect(shown).to.include('0x0000000000200051');
    const places = [...shown.matchAll(/instruction (\d+) of all processors/g)].map(([, count]) => Number(count));
    expect(places.length).to.equal(2);
    expect(places[0]).to.be.greaterThan(places[1]!);
    expect(shown).to.include('No more reverse-execution history').and.include('begin 200000');
    expect(status).to.equal(0);
  });
});
