// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { restore, stub } from 'sinon';
import { Pc, type PcOptions } from '../../../src/machine/pc.js';
import { processorModels } from '../../../src/machine/models/processor_models.js';
import { MachineStateError } from '../../../src/machine/state/machine_state_error.js';
import { CopyOnWriteDisk } from '../../../src/session/copy_on_write_disk.js';
import { exitReasons } from '../../../src/machine/processor/processor_counters.js';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import { assemble } from '../../support/assembler.js';
import { coreModule } from '../../support/test_core.js';
import { ownFlagsGuest } from '../own_flags_guest.js';
import { raceGuest } from '../race_guest.js';
import { randomNumbers } from '../random_numbers.js';
import { diskGuest, RESULT, timerGuest } from './snapshot_guests.js';

const memoryBytes = 16 << 20;

/** A disk whose bytes follow from their place. */
const newDisk = (): CopyOnWriteDisk =>
  new CopyOnWriteDisk({
    // the last block is shorter than the others
    bytes: 0x8200,
    read: (offset, into) => into.forEach((_, i) => (into[i] = (offset + i) >> 9)),
  });

async function newPc(options: Partial<PcOptions> = {}): Promise<Pc> {
  return Pc.create({
    coreModule: await coreModule(),
    memoryBytes,
    disks: [newDisk()],
    com1: () => {},
    com2: () => {},
    ...options,
  });
}

async function booted(bytes: Uint8Array, processors: number): Promise<Pc> {
  const pc = await newPc({ processors });
  pc.boot({ kernel: { name: 'guest', bytes }, modules: [], append: '' });
  return pc;
}

/** What can be seen of a machine that has ended. */
const seenOf = (pc: Pc) => ({
  hash: pc.stateHash(),
  time: pc.virtualTime,
  instructions: pc.processors.map((each) => each.instructionCount),
  result: pc.core.u64[pc.core.physicalOffset(RESULT) / 8],
});

function toTheEnd(pc: Pc): void {
  for (let turns = 0; pc.runQuantum(() => true) === undefined; turns++)
    if (turns > 1e6) throw new Error('the guest does not end');
}

/** The host cuts each run of a processor after a random number of instructions. */
function cutRuns(pc: Pc, next: (limit: number) => number, longest: number): void {
  for (const processor of pc.processors) {
    const whole = processor.run.bind(processor);
    stub(processor, 'run').callsFake((instructions) => whole(Math.min(instructions, 1 + next(longest))));
  }
}

interface Guest {
  readonly processors: number;
  readonly bytes: Uint8Array;
  /** The longest piece between two cuts. */
  readonly longest: number;
}

const guests: Readonly<Record<string, () => Guest>> = {
  'a guest that races on a lock': () => ({ processors: 1, bytes: raceGuest(1, 400), longest: 100 }),
  'four processors that race on a lock': () => ({ processors: 4, bytes: raceGuest(4, 100), longest: 100 }),
  'a guest that clears its own accessed and dirty flags': () => ({
    processors: 1,
    bytes: ownFlagsGuest(1, 300),
    longest: 100,
  }),
  'four processors that clear their own flags': () => ({ processors: 4, bytes: ownFlagsGuest(4, 200), longest: 300 }),
  'a guest that sleeps to timer interrupts': () => ({ processors: 1, bytes: timerGuest(25), longest: 4000 }),
  'a guest with disk requests under way': () => ({ processors: 1, bytes: diskGuest(6), longest: 8000 }),
};

describe('MachineSnapshot', () => {
  afterEach(() => restore());

  for (const [name, guest] of Object.entries(guests)) {
    it(`restores ${name} into another machine at random cuts: the run goes on as without`, async () => {
      const { processors, bytes, longest } = guest();
      const undisturbed = await booted(bytes, processors);
      toTheEnd(undisturbed);
      const wanted = seenOf(undisturbed);
      const next = randomNumbers(processors + longest);
      let pc = await booted(bytes, processors);
      cutRuns(pc, next, longest);
      let times = 0;
      for (let turns = 0; pc.runQuantum(() => true) === undefined; turns++) {
        if (turns > 1e6) throw new Error('the guest does not end');
        if (times === 5 || next(8) !== 0) continue;
        times++;
        const other = await newPc({ processors });
        const state = pc.save();
        other.restore(state);
        expect(other.save(), 'the state comes back whole').to.deep.equal(state);
        expect([other.stateHash(), other.virtualTime]).to.deep.equal([pc.stateHash(), pc.virtualTime]);
        // The saved machine goes on too: a save changes nothing of its run.
        if (times === 3) toTheEnd(pc);
        if (times === 3) expect(seenOf(pc)).to.deep.equal(wanted);
        pc = other;
        cutRuns(pc, next, longest);
      }
      expect(times, 'snapshots').to.equal(5);
      expect(seenOf(pc)).to.deep.equal(wanted);
    });
  }

  it('restores a machine that has run on, as often as wanted', async () => {
    const pc = await booted(timerGuest(5), 1);
    for (let turns = 0; turns < 4; turns++) pc.runQuantum(() => true);
    const [state, hash] = [pc.save(), pc.stateHash()];
    const ends = [0, 1, 2].map(() => {
      toTheEnd(pc);
      const end = seenOf(pc);
      pc.restore(state);
      expect(pc.stateHash()).to.equal(hash);
      expect(pc.save()).to.deep.equal(state);
      return end;
    });
    expect(ends[0]!.hash).to.not.equal(hash);
    expect(ends.slice(1)).to.deep.equal([ends[0], ends[0]]);
  });

  it('keeps the end of a machine, and why a processor died', async () => {
    const pc = await booted(assemble(['xor eax, eax', 'out 0xf4, eax', 'hlt'], 64, FLAT_IMAGE_ADDRESS), 1);
    toTheEnd(pc);
    pc.processors[0]!.die('because of a test');
    const other = await newPc();
    other.restore(pc.save());
    expect(other.runQuantum(() => true)).to.deep.include({ kind: 'debug-exit' });
    expect([other.debugExit, other.processors[0]!.death]).to.deep.equal([0, 'because of a test']);
  });

  it('gives the counts of VM exits to processors that share a counter, and to those that do not', async () => {
    const counters = { exits: new Uint32Array(exitReasons), instructions: new Uint32Array(2) };
    const shared = await newPc({ processors: 2, counters });
    const apart = await newPc({ processors: 2 });
    apart.processors.forEach(({ exits }, i) => (exits[10] = 3 + i));
    shared.restore(apart.save());
    expect(counters.exits[10]).to.equal(7);
    apart.restore(shared.save());
    expect(apart.exits()[10]).to.equal(7);
    expect(counters.exits[10], 'a save takes nothing away').to.equal(7);
  });

  describe('refuses, and changes nothing,', () => {
    const others: Readonly<Record<string, [Partial<PcOptions>, RegExp]>> = {
      'a state of another size of memory': [{ memoryBytes: 32 << 20 }, /bytes of memory is 16777216.* is 33554432/],
      'a state of another number of processors': [{ processors: 2 }, /number of processors is 1.* is 2/],
      'a state of another model': [{ model: processorModels[1]! }, /processor model is /],
      'a state of another disk': [{ disks: [] }, /disk sizes is 33280.* is empty/],
      'a state of other devices': [{ testDevice: true }, /devices is .*pc_test_device/],
    };
    for (const [name, [options, message]] of Object.entries(others)) {
      it(name, async () => {
        const state = (await newPc()).save();
        const pc = await newPc(options);
        const hash = pc.stateHash();
        expect(() => pc.restore(state)).to.throw(MachineStateError, message);
        expect(pc.stateHash()).to.equal(hash);
      });
    }

    it('a state whose parts are not those of a machine', async () => {
      const pc = await newPc();
      const state = pc.save();
      const hash = pc.stateHash();
      const waiting = [{ time: 1, target: 7, message: { vector: 1, mode: 0, level: false, asserted: true } }];
      const armed = { ...state.devices, timers: { 'rtc.second': 1e9 } };
      const damaged: readonly (readonly [Partial<typeof state>, RegExp])[] = [
        [{ devices: { ...state.devices, rtc: { ...state.devices.rtc, index: 'x' } } }, /devices\.rtc\.index is not/],
        [{ devices: { ...state.devices, timers: { pit: 'x' } } }, /timers is not/],
        [{ devices: { ...state.devices, interrupt_messages: { waiting } } }, /interrupt_messages\.waiting is not/],
        [{ scheduler: { ...state.scheduler, slept: [1e15] } }, /time is not/],
        [{ scheduler: { ...state.scheduler, plan: [0, 1e15] } }, /time is not/],
        [{ scheduler: { ...state.scheduler, time: 1e15 }, devices: armed }, /time is not/],
        [{ processors: [{ ...state.processors[0]!, msrs: new BigUint64Array(1) }] }, /msrs is not/],
      ];
      for (const [change, message] of damaged)
        expect(() => pc.restore({ ...state, ...change })).to.throw(MachineStateError, message);
      expect(pc.stateHash()).to.equal(hash);
    });

    it('blocks of a disk for a disk that is kept outside the machine', async () => {
      const state = (await newPc()).save();
      const disk = newDisk();
      const pc = await newPc({ disks: [Object.assign(disk, { isKeptOutside: true as const })] });
      pc.restore(state);
      const blocks = { numbers: Uint32Array.of(1), bytes: new Uint8Array(0x1000) };
      const written = { ...state, disks: [{ ...state.disks[0]!, blocks }] };
      expect(() => pc.restore(written)).to.throw(MachineStateError, /has 1 blocks that its guest wrote/);
    });

    it('a machine whose disk keeps its writes elsewhere', async () => {
      const state = (await newPc()).save();
      const pc = await newPc({ disks: [{ bytes: 0x8200, read: () => {}, write: () => {}, flush: () => {} }] });
      expect(() => pc.save()).to.throw(MachineStateError, /disk 0 keeps its writes outside/);
      expect(() => pc.restore(state)).to.throw(MachineStateError, /disk 0 keeps its writes outside/);
    });
  });
});
