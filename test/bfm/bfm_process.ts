// SPDX-License-Identifier: LGPL-2.1-only
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's root folder: this file runs from build/test/bfm. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** What a finished `bfm` left behind. */
export interface BfmResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the built command line. */
export function startBfm(args: readonly string[], folder = root): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [resolve(root, 'build/src/bfm/main.js'), ...args], { cwd: folder });
}

/** Waits for a started command line to end. */
export function ended(child: ChildProcessWithoutNullStreams): Promise<BfmResult> {
  return new Promise((done, failed) => {
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data) => (stdout += String(data)));
    child.stderr.on('data', (data) => (stderr += String(data)));
    child.on('error', failed);
    child.on('close', (status) => done({ status, stdout, stderr }));
  });
}

/** Runs the built command line to its end; nothing is typed. */
export function bfm(...args: string[]): Promise<BfmResult> {
  const child = startBfm(args);
  child.stdin.end();
  return ended(child);
}

/** Resolves when a stream of the child has shown this text. */
export function shows(child: ChildProcessWithoutNullStreams, text: string): Promise<void> {
  return new Promise((done) => {
    let seen = '';
    const look = (data: Buffer): void => {
      seen += String(data);
      if (seen.includes(text)) done();
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
  });
}
