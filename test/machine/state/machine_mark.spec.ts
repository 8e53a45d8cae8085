// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import { Pc } from '../../../src/machine/pc.js';
import { MachineStateError } from '../../../src/machine/state/machine_state_error.js';
import { CopyOnWriteDisk } from '../../../src/session/copy_on_write_disk.js';
import { coreModule } from '../../support/test_core.js';
import { ownFlagsGuest } from '../own_flags_guest.js';
import { raceGuest } from '../race_guest.js';
import { randomNumbers } from '../random_numbers.js';
import { diskGuest, RESULT, timerGuest } from './snapshot_guests.js';

async function booted(bytes: Uint8Array, processors: number): Promise<Pc> {
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
function runFor(pc: Pc, instructions: number): void {
  const end = pc.instructions + instructions;
  for (let turns = 0; pc.instructions < end && pc.runQuantum(() => true, end - pc.instructions) === undefined; turns++)
    if (turns > 1e6) throw new Error('the guest does not end');
}

const seenOf = (pc: Pc) => ({
  hash: pc.stateHash(),
  time: pc.virtualTime,
  instructions: pc.processors.map((each) => each.instructionCount),
  result: pc.core.u64[pc.core.physicalOffset(RESULT) / 8],
});

const guests: Readonly<Record<string, () => Promise<Pc>>> = {
  'a guest that races on a lock': () => booted(raceGuest(1, 400), 1),
  'four processors that race on a lock': () => booted(raceGuest(4, 100), 4),
  'four processors that clear their own flags': () => booted(ownFlagsGuest(4, 200), 4),
  'a guest that sleeps to timer interrupts': () => booted(timerGuest(25), 1),
  'a guest with disk requests under way': () => booted(diskGuest(6), 1),
};

describe('MachineMark', () => {
  it('refuses a disk that is kept outside the machine', async () => {
    const disk = Object.assign(new CopyOnWriteDisk({ bytes: 0x8000, read: () => {} }), {
      isKeptOutside: true as const,
    });
    const pc = await Pc.create({
      coreModule: await coreModule(),
      memoryBytes: 16 << 20,
      disks: [disk],
      com1: () => {},
      com2: () => {},
    });
    expect(() => pc.mark()).to.throw(MachineStateError, /a disk that is kept outside it cannot go back/);
    pc.save();
  });

  for (const [name, guest] of Object.entries(guests)) {
    it(`brings ${name} back, again and again`, async () => {
      const undisturbed = await guest();
      runFor(undisturbed, Infinity);
      const wanted = seenOf(undisturbed);
      const pc = await guest();
      const next = randomNumbers(7);
      runFor(pc, 2000);
      const point = pc.mark();
      const [state, hash] = [pc.save(), pc.stateHash()];
      for (let round = 0; round < 8; round++) {
        runFor(pc, 1 + next(20_000));
        if (round % 2 === 0) pc.stateHash();
        pc.reset(point);
        expect(pc.stateHash(), `round ${round}`).to.equal(hash);
        expect(pc.save(), `round ${round}`).to.deep.equal(state);
      }
      runFor(pc, Infinity);
      expect(seenOf(pc)).to.deep.equal(wanted);
      pc.reset(point);
      expect(pc.stateHash()).to.equal(hash);
    });
  }

  it('brings back a point before the last one', async () => {
    const pc = await guests['a guest that sleeps to timer interrupts']!();
    runFor(pc, 500);
    const [first, firstHash] = [pc.mark(), pc.stateHash()];
    runFor(pc, 5000);
    const [second, secondHash] = [pc.mark(), pc.stateHash()];
    expect(secondHash).to.not.equal(firstHash);
    for (const [point, hash] of [
      [first, firstHash],
      [first, firstHash],
      [second, secondHash],
      [first, firstHash],
    ] as const) {
      runFor(pc, 3000);
      pc.reset(point);
      expect(pc.stateHash()).to.equal(hash);
    }
  });

  it('brings back code that was overwritten after it had run', async () => {
    const pc = await guests['a guest that races on a lock']!();
    runFor(pc, 300);
    const [point, hash] = [pc.mark(), pc.stateHash()];
    runFor(pc, 10);
    pc.core.guestRam.fill(0xf4, FLAT_IMAGE_ADDRESS, FLAT_IMAGE_ADDRESS + 0x100);
    runFor(pc, 10);
    pc.reset(point);
    expect(pc.stateHash()).to.equal(hash);
    runFor(pc, Infinity);
    const undisturbed = await guests['a guest that races on a lock']!();
    runFor(undisturbed, Infinity);
    expect(seenOf(pc)).to.deep.equal(seenOf(undisturbed));
  });

  it('refuses a point of another machine', async () => {
    const [first, second] = [await booted(timerGuest(1), 1), await booted(timerGuest(1), 1)];
    const hash = second.stateHash();
    expect(() => second.reset(first.mark())).to.throw(MachineStateError, 'another machine');
    expect(second.stateHash()).to.equal(hash);
  });
});
