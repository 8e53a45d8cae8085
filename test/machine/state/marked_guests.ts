// SPDX-License-Identifier: LGPL-2.1-only
// Guests whose runs are marked, cut and brought back.
import { Pc } from '../../../src/machine/pc.js';
import { CopyOnWriteDisk } from '../../../src/session/copy_on_write_disk.js';
import { coreModule } from '../../support/test_core.js';
import { ownFlagsGuest } from '../own_flags_guest.js';
import { raceGuest } from '../race_guest.js';
import { diskGuest, RESULT, timerGuest } from './snapshot_guests.js';

/** A machine that is switched on. */
export async function booted(bytes: Uint8Array, processors: number): Promise<Pc> {
  const pc = await Pc.create({
    coreModule: await coreModule(),
    memoryBytes: 16 << 20,
    processors,
    disks: [new CopyOnWriteDisk({ bytes: 0x8000, read: (_, into) => into.fill(7) })],
    com1: () => {},
    com2: () => {},
  });
  pc.boot({ kernel: { name: 'guest', bytes }, modules: [], append: '' });
  return pc;
}

/** Runs for so many instructions of one processor, or to the end. */
export function runFor(pc: Pc, instructions: number): void {
  const end = pc.instructions + instructions;
  for (let turns = 0; pc.instructions < end && pc.runQuantum(() => true, end - pc.instructions) === undefined; turns++)
    if (turns > 1e6) throw new Error('the guest does not end');
}

/** What two machines must have in common. */
export const seenOf = (pc: Pc) => ({
  hash: pc.stateHash(),
  time: pc.virtualTime,
  instructions: pc.processors.map((each) => each.instructionCount),
  result: pc.core.u64[pc.core.physicalOffset(RESULT) / 8],
});

/** Each makes its machine. */
export const guests: Readonly<Record<string, () => Promise<Pc>>> = {
  'a guest that races on a lock': () => booted(raceGuest(1, 400), 1),
  'four processors that race on a lock': () => booted(raceGuest(4, 100), 4),
  'four processors that clear their own flags': () => booted(ownFlagsGuest(4, 200), 4),
  'a guest that sleeps to timer interrupts': () => booted(timerGuest(25), 1),
  'a guest with disk requests under way': () => booted(diskGuest(6), 1),
};
