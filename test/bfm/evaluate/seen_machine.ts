// SPDX-License-Identifier: LGPL-2.1-only
import { LookLimit } from '../../../src/bfm/evaluate/look_limit.js';
import { machineEvaluator, machineScope } from '../../../src/bfm/evaluate/machine_scope.js';
import type { MachineSession } from '../../../src/session/machine_session.js';
import { booted, listOf, type Guest } from '../../session/vmm_guests.js';

/** A machine with its VMM in the middle of its run, and what evaluates over it. */
export async function seen(guest: Guest, { isRecorded = false, limit = new LookLimit() } = {}) {
  const machine = await booted(guest, [listOf('example_cpuidcount')]);
  machine.pc.runQuantum(() => true, guest.step);
  const lastOutput = { lines: () => machine.output.join('').split('\n') };
  const session = { pc: machine.pc, lastOutput, guestEnd: undefined } as unknown as MachineSession;
  const seenMachine = { session, driver: machine.driver, isRecorded };
  const scope = machineScope(seenMachine, () => {});
  return { ...machine, evaluator: machineEvaluator(seenMachine, limit), scope };
}
