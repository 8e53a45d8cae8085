// SPDX-License-Identifier: LGPL-2.1-only
import { parentPort, workerData } from 'node:worker_threads';
import { fullTrace } from '../../driver/node/user_frames.js';
import { BootError } from '../../machine/boot/boot_error.js';
import type { InspectAddress } from '../options/inspect_address.js';
import { problemOf } from '../failures/problem.js';
import { StrayErrors } from '../failures/stray_errors.js';
import { RunControl } from '../worker/run_control.js';
import type { RunReport, RunWorkerData, WorkerMessage } from '../worker/run_request.js';
import { sealing } from '../worker/worker_messages.js';

function trace(error: unknown): void {
  if (process.env.BFM_TRACE !== undefined) process.stderr.write(`${fullTrace(error)}\n`);
}

/** A run with an uncaught error did not end well, whatever its report says. */
async function withStrays(strays: StrayErrors, report: RunReport): Promise<RunReport> {
  const stray = await strays.settled();
  if (stray === undefined) return report;
  trace(stray.error);
  const detail = [report.detail, problemOf(stray.error).what].filter((text) => text !== '').join('\n');
  return { ...report, outcome: report.outcome === 'dead' ? 'dead' : 'error', detail };
}

/** Runs it while a debugger may connect. */
async function inspected<T>(address: InspectAddress | undefined, run: () => Promise<T>): Promise<T> {
  if (address === undefined) return run();
  // Loaded only if needed.
  const { openInspector } = await import('../worker/open_inspector.js');
  using _inspector = openInspector(address);
  return await run();
}

/** The worker's side of a run: machine, VMM and extensions live here, and nothing else. @param run with the request of the worker's start data */
export async function inRunWorker<R>(
  run: (request: R, control: RunControl, post: (message: WorkerMessage) => void) => Promise<RunReport>,
): Promise<void> {
  const { request, control, seal, inspect } = workerData as RunWorkerData<R>;
  const post = sealing<WorkerMessage>(seal, (message) => parentPort!.postMessage(message));
  const strays = new StrayErrors();
  try {
    const report = await inspected(inspect, () => run(request, new RunControl(control), post));
    post({ kind: 'ended', report: await withStrays(strays, report) });
  } catch (error) {
    trace(error);
    // A loader knows the image, but not its file.
    const where = error instanceof BootError ? (request as { kernel?: string }).kernel : undefined;
    post({ kind: 'failed', problem: { ...problemOf(error), ...(where !== undefined && { where }) } });
  }
}
