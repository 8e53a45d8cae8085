// SPDX-License-Identifier: LGPL-2.1-only
import type { Driver } from '../../driver/driver.js';
import { prepareModules } from '../../session/add_modules.js';
import type { MachineSession } from '../../session/machine_session.js';
import { problemOf } from '../failures/problem.js';
import { reloadModules } from '../recording/reload_modules.js';
import type { RunRecording } from '../recording/run_recording.js';
import { reloadLine } from '../worker/reload_line.js';

/** A run whose VMM gets new code. */
export interface ReloadedRun {
  readonly session: MachineSession;
  readonly driver: Driver;
  readonly recording: RunRecording | undefined;
}

/** Gives the VMM of a run new code. @returns what came of it, for people: a reload that is refused is no error of the run */
export async function reloadedText(
  { session, driver, recording }: ReloadedRun,
  files: readonly string[],
): Promise<string> {
  const began = performance.now();
  let loaded = began;
  try {
    const reloaded = await reloadModules(
      {
        session,
        recording,
        prepare: async (names) => {
          const prepared = await prepareModules(driver, names);
          loaded = performance.now();
          return prepared;
        },
        reload: (_names, prepared) => driver.reload(prepared),
      },
      files,
    );
    const [loading, change] = [loaded - began, performance.now() - loaded].map((part) => part.toFixed(1));
    return `${reloadLine(reloaded)} (loaded in ${loading} ms, changed over in ${change} ms)`;
  } catch (error) {
    return `not reloaded: ${problemOf(error).what}`;
  }
}
