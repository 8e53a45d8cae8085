// SPDX-License-Identifier: LGPL-2.1-only
import { inRunWorker } from '../run/run_worker.js';
import { CompareRun } from './compare_run.js';
import { ReplayRun } from './replay_run.js';
import type { ReplayRequest } from './replay_request.js';

/** The worker's side of a replay. */
await inRunWorker<ReplayRequest>((request, control, post) =>
  request.compare === undefined
    ? new ReplayRun(request, control, post).run()
    : new CompareRun(request, request.compare, control, post).run(),
);
