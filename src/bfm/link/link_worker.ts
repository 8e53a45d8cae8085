// SPDX-License-Identifier: LGPL-2.1-only
import { inRunWorker } from '../run/run_worker.js';
import type { LinkRequest } from './link_request.js';
import { LinkRun } from './link_run.js';

/** The worker's side of the run of a link. */
await inRunWorker<LinkRequest>((request, control, post) => new LinkRun(request, control, post).run());
