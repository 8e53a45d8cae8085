// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import { Pc } from '../../../src/machine/pc.js';
import { MachineStateError } from '../../../src/machine/state/machine_state_error.js';
import { CopyOnWriteDisk } from '../../../src/session/copy_on_write_disk.js';
import { coreModule } from '../../support/test_core.js';
import { randomNumbers } from '../random_numbers.js';
import { booted, guests, runFor, seenOf } from './marked_guests.js';
import { timerGuest } from './snapshot_guests.js';

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
    for (const mark of [() => pc.mark(), () => pc.checkpoints.take()])
      expect(mark).to.throw(MachineStateError, /a disk that is kept outside it cannot go back/);
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
