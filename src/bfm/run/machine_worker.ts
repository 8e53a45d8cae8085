// SPDX-License-Identifier: LGPL-2.1-only
import { parentPort, workerData } from 'node:worker_threads';
import { fullTrace } from '../../driver/node/user_frames.js';
import { BootError } from '../../machine/boot/boot_error.js';
import { MachineRun } from './machine_run.js';
import { problemOf } from '../failures/problem.js';
import { RunControl } from '../worker/run_control.js';
import type { RunReport, RunRequest, RunWorkerData, WorkerMessage } from '../worker/run_request.js';
import { StrayErrors } from '../failures/stray_errors.js';
import { sealing } from '../worker/worker_messages.js';

/** The worker's side of a run: machine, VMM and extensions live here, and nothing else. */
const { request, control, seal } = workerData as RunWorkerData;
const post = sealing<WorkerMessage>(seal, (message) => parentPort!.postMessage(message));
const strays = new StrayErrors();

function trace(error: unknown): void {
  if (process.env.BFM_TRACE !== undefined) process.stderr.write(`${fullTrace(error)}\n`);
}

/** A run with an uncaught error did not end well, whatever its report says. */
async function withStrays(report: RunReport): Promise<RunReport> {
  const stray = await strays.settled();
  if (stray === undefined) return report;
  trace(stray.error);
  const detail = [report.detail, problemOf(stray.error).what].filter((text) => text !== '').join('\n');
  return { ...report, outcome: report.outcome === 'dead' ? 'dead' : 'error', detail };
}

function whereOf(error: unknown, { kernel }: RunRequest): { where?: string } {
  // A loader knows the image, but not its file.
  return error instanceof BootError ? { where: kernel } : {};
}

try {
  post({ kind: 'ended', report: await withStrays(await new MachineRun(request, new RunControl(control), post).run()) });
} catch (error) {
  trace(error);
  post({ kind: 'failed', problem: { ...problemOf(error), ...whereOf(error, request) } });
}
