// SPDX-License-Identifier: LGPL-2.1-only
import { freshModuleFiles } from '../../driver/node/module_files.js';
import { Driver } from '../../driver/driver.js';
import { handlerGlobals } from '../../driver/handler_globals.js';
import { RTC_DEFAULT_START } from '../../machine/devices/rtc.js';
import { processorModel } from '../../machine/models/processor_models.js';
import { Pc } from '../../machine/pc.js';
import { addModules } from '../../session/add_modules.js';
import { compareRuns, restoreMachine, type DrivenMachine, type SavedMachine } from '../../session/verify_state.js';
import { SnapshotError } from '../snapshot/snapshot_error.js';
import { readCoreModule } from '../worker/boot_file.js';
import { consoleOfFile } from '../worker/console_file.js';
import { openDisks } from '../worker/file_disk.js';
import type { RunRequest } from '../worker/run_request.js';

const quiet = (): void => {};

/** A machine like the one of a request, and a VMM that shares nothing with others. */
async function twinOf({ pc, globals }: DrivenMachine, request: RunRequest): Promise<DrivenMachine> {
  const { model } = pc.core;
  const known = processorModel(model.name);
  const twin = await Pc.create({
    coreModule: readCoreModule(),
    memoryBytes: pc.ram.length,
    processors: pc.processors.length,
    ...(known !== undefined && { model: known }),
    testDevice: request.testDevice,
    exitCost: pc.processors[0]!.exitCost,
    disks: openDisks(request.disks ?? []),
    ...(request.virtioConsole !== undefined && { virtioConsole: consoleOfFile(request.virtioConsole) }),
    com1: quiet,
    com2: quiet,
  });
  const driver = await Driver.create({ source: freshModuleFiles, machine: twin.driverAccess });
  addModules(driver, request.modules);
  const { rtcStart = RTC_DEFAULT_START } = request;
  const clock = { start: rtcStart * 1000, now: () => twin.virtualTime };
  return { pc: twin, driver, globals: globals && handlerGlobals(clock, globals.seed) };
}

/**
 * Restores a state into a second machine, and lets it and the machine of the state go on side by side.
 *
 * @returns how many VM exits were alike. @throws SnapshotError that says what differs
 */
export async function verifyState(machine: DrivenMachine, saved: SavedMachine, request: RunRequest): Promise<number> {
  const twin = await twinOf(machine, request);
  await restoreMachine(twin, saved);
  const { exits, difference } = compareRuns(machine, twin);
  if (difference === undefined) return exits;
  const advice =
    'look for state of an extension that is not in a field marked @state(), such as a variable of its module or of a closure';
  throw new SnapshotError(
    `--verify-state: nothing is saved, because a machine that was restored from the state does something else: ${difference}; ${advice}`,
    { details: { where: '--verify-state', found: difference, expected: 'two machines that do the same', advice } },
  );
}
