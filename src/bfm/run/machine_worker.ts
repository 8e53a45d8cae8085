// SPDX-License-Identifier: LGPL-2.1-only
import type { RunRequest } from '../worker/run_request.js';
import { MachineRun } from './machine_run.js';
import { inRunWorker } from './run_worker.js';

await inRunWorker<RunRequest>((request, control, post) => new MachineRun(request, control, post).run());
