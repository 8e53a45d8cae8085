// SPDX-License-Identifier: LGPL-2.1-only
import { inRunWorker } from '../run/run_worker.js';
import { CompareRun } from './compare_run.js';
import { ReplayRun } from './replay_run.js';
import type { ReplayRequest } from './replay_request.js';
import { WhoRun } from './who_run.js';

/** The worker's side of a replay. */
await inRunWorker<ReplayRequest>((request, control, post) => {
  if (request.compare !== undefined) return new CompareRun(request, request.compare, control, post).run();
  return request.who === undefined
    ? new ReplayRun(request, control, post).run()
    : new WhoRun(request, control, post).run();
});
