// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { DriverCommands } from '../../../src/bfm/host/driver_commands.js';
import { Driver } from '../../../src/driver/driver.js';
import type { RecordedItem } from '../../../src/session/recorded_item.js';
import { ReplaySession, type ReplayedVmm } from '../../../src/session/replay/replay_session.js';
import { ReplayedConsole } from '../../../src/session/replay/replayed_console.js';
import { ReplayedInputs } from '../../../src/session/replayed_inputs.js';
import { randomNumbers } from '../../machine/random_numbers.js';
import { machine, make, sourceOf, World, type RandomRun } from '../random_run.js';

/** A replay with checkpoints after each so many instructions. @param most bytes of checkpoints; undefined: none */
export async function replayOf(
  run: RandomRun,
  items: readonly RecordedItem[],
  most: number | undefined,
  spacing: number,
) {
  const world = new World();
  world.wantsAttention = () => false;
  const shown = new ReplayedConsole(undefined);
  let inputs!: ReplayedInputs;
  const random = randomNumbers(run.seed + 5000);
  const made = await machine(run, world, random, {
    inputs: (pc) => (inputs = new ReplayedInputs(pc, items, world.attention)),
    until: shown,
  });
  const { session } = made;
  // It would save state that cannot be saved.
  world.quantumEnded = () => {};
  // The session was made with the world's own console.
  Object.assign(world, { console: shown.guestTo({ ...world.console }) });
  let { driver, commands } = made;
  const vmm: ReplayedVmm = {
    get driver() {
      return driver;
    },
    call: (call) => make(session, commands, call),
    start: () => expect.fail('no late start'),
    async restore(saved) {
      driver = await Driver.create({ source: sourceOf(run.module), machine: session.pc.driverAccess });
      commands = new DriverCommands(driver);
      for (const { file } of saved.modules) driver.addModule(file);
      await driver.restore(saved);
    },
  };
  const parts = { session, inputs, lateStart: undefined, console: shown, vmm, globals: undefined };
  return { replay: new ReplaySession(parts, most, spacing), session, inputs, world, reports: () => driver.reports() };
}
