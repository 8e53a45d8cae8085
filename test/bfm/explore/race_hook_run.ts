// SPDX-License-Identifier: LGPL-2.1-only
import { join } from 'node:path';
import type { ExploreRequest } from '../../../src/bfm/explore/explore_request.js';
import { checkRunOptions } from '../../../src/bfm/run/run_options.js';
import type { RunOptions } from '../../../src/bfm/run/run_options.js';
import { defaultOptions } from '../run/default_options.js';
import { root } from '../bfm_process.js';

/** The predicate that holds once the guest race_hook has executed its function without a hook. */
export const hookMissed = join(root, 'extensions/hypervisor_example_racing_hook/predicates/hook_missed.ts');

/** An exploration of the guest race_hook on two processors. @param options of its run */
export function raceHook(options: Partial<RunOptions> = {}, predicate = hookMissed): ExploreRequest {
  const run = checkRunOptions(
    { ...defaultOptions, guest: 'race_hook', cpus: '2', module: ['racing_hook'], ...options },
    false,
  );
  return { run, predicate, instructions: 100_000, watched: [] };
}
