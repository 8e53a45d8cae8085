// SPDX-License-Identifier: LGPL-2.1-only
import type { RunControl } from './run_control.js';
import type { WorkerMessage } from './run_request.js';

/** What the main thread is told of, and who hears when a run must end. */
export interface RunChannel {
  readonly control: Pick<RunControl, 'start'>;
  readonly post: (message: WorkerMessage) => void;
}

/**
 * Runs a machine, and says to the main thread when it begins and ends, and when code of extensions is called behind it.
 *
 * @param hasReports asked at the end: whether such code is called
 */
export async function timedRun<T>(
  { control, post }: RunChannel,
  run: () => Promise<T>,
  hasReports: () => boolean = () => true,
): Promise<{ ending: T; milliseconds: number }> {
  control.start();
  post({ kind: 'running' });
  const started = performance.now();
  const ending = await run();
  const milliseconds = performance.now() - started;
  post({ kind: 'stopped' });
  if (hasReports()) post({ kind: 'calling', what: 'the reports of extensions or the end of the VMM' });
  return { ending, milliseconds };
}
