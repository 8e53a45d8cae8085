// SPDX-License-Identifier: LGPL-2.1-only
// Stock GDB against machines of bfm.
import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../../src/driver/node/package_paths.js';

const bfm = join(packageRoot, 'bin', 'bfm.mjs');
const hasGdb = spawnSync('gdb', ['--version']).status === 0;

/** Skips a test, or all tests behind a hook, where there is no GDB. CI must have it. */
export function skipWithoutGdb(this: Mocha.Context): void {
  if (hasGdb) return;
  if (process.env.CI === 'true') throw new Error('CI needs gdb');
  process.stderr.write('    (skipped: there is no gdb)\n');
  this.skip();
}

/** What GDB showed, and the exit status of the machine. */
export interface Debugged {
  readonly shown: string;
  readonly status: number | null;
}

/** Machines of bfm, and GDB at them. */
export class StockGdb {
  /** A folder for this user alone. */
  readonly folder = mkdtempSync(join(tmpdir(), 'gdb-'));
  private readonly socket = join(this.folder, 'socket');
  private machine: ChildProcess | undefined;

  constructor() {
    chmodSync(this.folder, 0o700);
  }

  /** Runs bfm to its end. */
  bfm(...args: readonly string[]): Promise<unknown> {
    return promisify(execFile)(process.execPath, [bfm, ...args], { maxBuffer: 1 << 26 });
  }

  /** Starts a machine that waits for GDB, and runs GDB's commands. @param before commands before GDB attaches */
  async debugged(
    bfmArguments: readonly string[],
    commands: readonly string[],
    before: readonly string[] = [],
  ): Promise<Debugged> {
    const machine = spawn(process.execPath, [bfm, ...bfmArguments, '--gdb', `unix:${this.socket}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.machine = machine;
    const ended = once(machine, 'exit');
    let errors = '';
    await new Promise<void>((resolve, reject) => {
      machine.stderr.on('data', (bytes: Buffer) => {
        errors += bytes.toString();
        if (errors.includes('waits for GDB')) resolve();
      });
      machine.on('exit', () => reject(new Error(errors)));
    });
    const setup = ['set pagination off', 'set confirm off', ...before, `target remote ${this.socket}`];
    const all = [...setup, ...commands].flatMap((command) => ['-ex', command]);
    const { stdout, stderr } = await promisify(execFile)('gdb', ['-q', '-nx', '-batch', ...all]);
    const [status] = (await ended) as [number | null];
    // What the stub prints, GDB shows on stderr.
    return { shown: stdout + stderr, status };
  }

  /** Ends a machine that a test has left. */
  end(): void {
    this.machine?.kill('SIGKILL');
    rmSync(this.socket, { force: true });
  }

  close(): void {
    rmSync(this.folder, { recursive: true });
  }
}
