// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import type { Pc } from '../../../src/machine/pc.js';
import type { MachineCheckpoint } from '../../../src/machine/state/machine_checkpoints.js';
import { MachineStateError } from '../../../src/machine/state/machine_state_error.js';
import { PAGE_BYTES } from '../../../src/machine/memory/page_contents.js';
import { randomNumbers } from '../random_numbers.js';
import { booted, guests, runFor, seenOf } from './marked_guests.js';
import { timerGuest } from './snapshot_guests.js';

interface Taken {
  readonly checkpoint: MachineCheckpoint;
  readonly hash: string;
}

const take = (pc: Pc): Taken => ({ checkpoint: pc.checkpoints.take(), hash: pc.stateHash() });

describe('MachineCheckpoints', () => {
  for (const [name, guest] of Object.entries(guests)) {
    it(`bring ${name} to any of them, and the run from there is the same`, async () => {
      const pc = await guest();
      const taken = [take(pc)];
      for (let i = 0; i < 6; i++) {
        runFor(pc, 1500);
        taken.push(take(pc));
      }
      runFor(pc, Infinity);
      const wanted = seenOf(pc);
      const next = randomNumbers(5);
      for (let round = 0; round < 12; round++) {
        const { checkpoint, hash } = taken[next(taken.length)]!;
        pc.checkpoints.goTo(checkpoint);
        expect(pc.stateHash(), `round ${round}`).to.equal(hash);
        runFor(pc, 1 + next(3000));
        if (round === 2) pc.checkpoints.pack();
        if (round === 4) pc.checkpoints.drop(taken.splice(next(taken.length), 1)[0]!.checkpoint);
        // The checkpoint that the machine was brought to last, and the last one of all.
        if (round === 6 && taken.length > 2)
          pc.checkpoints.drop(
            taken.splice(
              taken.findIndex((each) => each.checkpoint === checkpoint),
              1,
            )[0]!.checkpoint,
          );
        if (round === 8) pc.checkpoints.drop(taken.pop()!.checkpoint);
      }
      pc.checkpoints.goTo(taken[0]!.checkpoint);
      runFor(pc, Infinity);
      expect(seenOf(pc)).to.deep.equal(wanted);
    });
  }

  it('keep a page once while it does not change, and forget what no checkpoint has', async () => {
    const pc = await booted(timerGuest(25), 1);
    const first = pc.checkpoints.take();
    const { bytes } = pc.checkpoints;
    const second = pc.checkpoints.take();
    expect(pc.checkpoints.bytes).to.equal(bytes + second.bytes);
    pc.core.guestRam.fill(1, 0x80_0000, 0x80_0000 + PAGE_BYTES);
    const third = pc.checkpoints.take();
    expect(pc.checkpoints.bytes).to.equal(bytes + second.bytes + third.bytes + PAGE_BYTES);
    pc.checkpoints.drop(second);
    expect(pc.checkpoints.bytes).to.equal(bytes + third.bytes + PAGE_BYTES);
    pc.checkpoints.drop(third);
    expect(pc.checkpoints.bytes).to.equal(bytes);
    pc.checkpoints.goTo(first);
    expect(pc.core.ram[0x80_0000]).to.equal(0);
  });

  it('bring back code that was overwritten after it had run', async () => {
    const guest = guests['a guest that races on a lock']!;
    const pc = await guest();
    runFor(pc, 300);
    const { checkpoint, hash } = take(pc);
    runFor(pc, 10);
    pc.core.guestRam.fill(0xf4, FLAT_IMAGE_ADDRESS, FLAT_IMAGE_ADDRESS + 0x100);
    runFor(pc, 10);
    pc.checkpoints.goTo(checkpoint);
    expect(pc.stateHash()).to.equal(hash);
    runFor(pc, Infinity);
    const undisturbed = await guest();
    runFor(undisturbed, Infinity);
    expect(seenOf(pc)).to.deep.equal(seenOf(undisturbed));
  });

  it('hear of pages that a reset to a mark changes, and marks hear of theirs', async () => {
    const pc = await guests['a guest that sleeps to timer interrupts']!();
    const [early, point] = [take(pc), pc.mark()];
    runFor(pc, 4000);
    const late = take(pc);
    pc.reset(point);
    expect(pc.stateHash()).to.equal(early.hash);
    pc.checkpoints.goTo(late.checkpoint);
    expect(pc.stateHash()).to.equal(late.hash);
    pc.reset(point);
    expect(pc.stateHash()).to.equal(early.hash);
  });

  it('refuse one that was dropped, one of another machine, and to drop the only one', async () => {
    const [first, second] = [await booted(timerGuest(1), 1), await booted(timerGuest(1), 1)];
    const [own, other] = [first.checkpoints.take(), second.checkpoints.take()];
    expect(() => first.checkpoints.goTo(other)).to.throw(MachineStateError, 'another machine, or it was dropped');
    expect(() => first.checkpoints.drop(own)).to.throw(MachineStateError, 'only checkpoint');
    first.checkpoints.take();
    first.checkpoints.drop(own);
    expect(() => first.checkpoints.goTo(own)).to.throw(MachineStateError, 'or it was dropped');
  });
});
