// SPDX-License-Identifier: LGPL-2.1-only
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bfm, type BfmResult } from '../bfm_process.js';

/** The id of the process that listens on a socket. */
export function hostProcess(socket: string): number {
  for (const id of execFileSync('ls', ['/proc'], { encoding: 'utf8' })
    .split('\n')
    .filter((name) => /^\d+$/.test(name))) {
    try {
      const line = readFileSync(`/proc/${id}/cmdline`, 'utf8');
      if (line.includes('host_process.js') && line.includes(socket)) return Number(id);
    } catch {
      // It ended meanwhile.
    }
  }
  throw new Error(`no process listens on ${socket}`);
}

/** A runtime folder of a test's own, so that it meets nobody's machines; those that are left over end with the test. */
export function ownRuntimeFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'bfm-host-'));
  const before = process.env.XDG_RUNTIME_DIR;
  const machines = new Set<string>();
  process.env.XDG_RUNTIME_DIR = folder;
  return {
    folder,
    sockets: join(folder, 'bareflank'),
    /** Starts a machine that `close` ends. */
    async load(machine: string, ...options: string[]): Promise<BfmResult> {
      machines.add(machine);
      return bfm('driver_load', '--machine', machine, ...options);
    },
    async close(): Promise<void> {
      for (const machine of machines) await bfm('driver_unload', '--machine', machine);
      if (before === undefined) delete process.env.XDG_RUNTIME_DIR;
      else process.env.XDG_RUNTIME_DIR = before;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
