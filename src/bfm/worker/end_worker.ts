// SPDX-License-Identifier: LGPL-2.1-only
import { readdirSync, readFileSync } from 'node:fs';
import type { Worker } from 'node:worker_threads';

/** How long a worker may take to end, and again after its child processes were ended. */
const PATIENCE_MILLISECONDS = 2000;

/** The running descendants of a process. Known on Linux only; elsewhere the list is empty. */
function descendants(process: string): number[] {
  try {
    return readdirSync(`/proc/${process}/task`).flatMap((thread) =>
      readFileSync(`/proc/${process}/task/${thread}/children`, 'utf8')
        .split(' ')
        .filter((id) => id !== '')
        .flatMap((id) => [Number(id), ...descendants(id)]),
    );
  } catch {
    // It ended meanwhile, or this is not Linux.
    return [];
  }
}

/** Ends the processes that this process started, so that none outlives it and no thread waits for one. */
export function endChildren(): void {
  for (const id of descendants('self')) {
    try {
      process.kill(id, 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
}

async function endsWithin(ended: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), milliseconds)));
  try {
    return await Promise.race([ended.then(() => true), patience]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Ends a worker in any state. A worker that is blocked in a system call does not end by itself: the child processes for which it may wait are ended
 * too.
 *
 * @returns false if it is still blocked. Then only the end of the process ends it; see `killThisProcess`.
 */
export async function endWorker(worker: Worker, patience = PATIENCE_MILLISECONDS): Promise<boolean> {
  const ended = worker.terminate();
  if (await endsWithin(ended, patience)) return true;
  endChildren();
  return endsWithin(ended, patience / 2);
}

/** Resolves when all output is written, or when nobody has read it for a while. */
export async function outputWritten(): Promise<void> {
  const written = [process.stdout, process.stderr].map(
    (stream) => new Promise<void>((resolve) => stream.write('', () => resolve())),
  );
  await endsWithin(Promise.all(written), PATIENCE_MILLISECONDS);
}

/** Ends this process at once, although one of its threads is blocked: an orderly exit would wait for that thread. */
export function killThisProcess(): void {
  endChildren();
  process.kill(process.pid, 'SIGKILL');
}
