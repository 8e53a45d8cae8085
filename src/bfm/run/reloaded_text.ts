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
  try {
    const reloaded = await reloadModules(
      {
        session,
        recording,
        prepare: (names) => prepareModules(driver, names),
        reload: (_names, prepared) => driver.reload(prepared),
      },
      files,
    );
    return `${reloadLine(reloaded)} (${(performance.now() - began).toFixed(1)} ms)`;
  } catch (error) {
    return `not reloaded: ${problemOf(error).what}`;
  }
}
