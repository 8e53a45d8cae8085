// SPDX-License-Identifier: LGPL-2.1-only
import type { MachineSession } from '../../session/machine_session.js';
import type { ReplayedInputs } from '../../session/replayed_inputs.js';
import { requestOf, restoreMachine, snapshotOf } from '../run/saved_run.js';
import type { Snapshot } from '../snapshot/snapshot_file.js';
import { LOADING_MODULES } from '../worker/announced_modules.js';
import { readBootFile, readBootModule } from '../worker/boot_file.js';
import type { RunRequest } from '../worker/run_request.js';
import type { ReplayedDriver } from './replayed_driver.js';

/** What brings a replay to the first instruction of its recording. */
export interface ReplayStart {
  /** With the machine that is to be made. */
  readonly request: RunRequest;
  /** Of the random numbers that modules draw; undefined: that of power-on. */
  readonly seed?: number;
  /** The VMM runs from the beginning, so nothing starts it. */
  readonly isRunning: boolean;
  /** @param tell takes what is being done, for people. @throws BareflankError */
  begin(run: StartedRun, tell: (what: string) => void): Promise<void>;
}

/** A machine that was made for a replay. */
export interface StartedRun {
  readonly session: MachineSession;
  readonly inputs: ReplayedInputs;
  readonly driver: ReplayedDriver;
}

/** @param modules files of the modules with which the run begins. @throws BareflankError */
export async function replayStartOf(request: RunRequest, modules: readonly string[]): Promise<ReplayStart> {
  if (request.isRestored !== true) return powerOn(request, modules);
  return restored(request, modules, await snapshotOf({ ...request, modules }));
}

/** Loads what is not in the machine's state. */
async function load(
  { driver }: StartedRun,
  { start, settings }: RunRequest,
  modules: readonly string[],
): Promise<void> {
  if (modules.length > 0 || start !== 'off') await driver.load(modules, settings);
}

function powerOn(request: RunRequest, modules: readonly string[]): ReplayStart {
  const kernel = readBootFile(request.kernel);
  const images = (request.initrd ?? []).map(readBootModule);
  return {
    request,
    isRunning: false,
    async begin(run, tell) {
      tell(LOADING_MODULES);
      await load(run, request, modules);
      run.session.boot({ kernel, modules: images, append: request.append });
      tell('the start of the VMM');
      if (request.start === 'boot') run.driver.startAtBoot();
    },
  };
}

function restored(request: RunRequest, modules: readonly string[], snapshot: Snapshot): ReplayStart {
  const { header, driver: saved } = snapshot;
  return {
    request: requestOf(request, header),
    seed: header.seed,
    isRunning: saved?.isRunning === true,
    async begin(run, tell) {
      tell('the return to the snapshot');
      restoreMachine(run.session, snapshot, request.kernel);
      run.inputs.beginHere();
      tell(LOADING_MODULES);
      if (saved?.image === undefined) await load(run, request, modules);
      else await run.driver.goOn(modules, saved, header);
    },
  };
}
