// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { BareflankError } from '../../../src/intrinsics/errors.js';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import type { DebuggerStop, WantedStops, Watchpoint } from '../../../src/machine/debug/debugger_stop.js';
import type { Pc } from '../../../src/machine/pc.js';
import { assemble } from '../../support/assembler.js';
import { RaceGuest, raceGuest } from '../race_guest.js';
import { randomNumbers } from '../random_numbers.js';
import { booted, guests, runFor, seenOf } from '../state/marked_guests.js';

const none: WantedStops = { breakpoints: [], watchpoints: [], exits: [] };
const watch = (address: number | bigint, bytes: number, more: Partial<Watchpoint> = {}): Watchpoint => ({
  space: 'linear',
  address: BigInt(address),
  bytes,
  access: 'write',
  ...more,
});

interface Met {
  readonly at: number;
  readonly stop: DebuggerStop;
}

/** Runs to the end, and goes on behind each stop. */
function allStops(pc: Pc, wanted: Partial<WantedStops>, most = Infinity): Met[] {
  const met: Met[] = [];
  pc.stops.set({ ...none, ...wanted });
  for (let turns = 0; pc.runQuantum(() => true, most) === undefined || pc.stops.isMet; turns++) {
    if (turns > 1e6) throw new Error('the guest does not end');
    if (!pc.stops.isMet) continue;
    const stop = pc.stops.take()!;
    met.push({ at: pc.instructions, stop });
    pc.stops.pass();
  }
  return met;
}

const lines = (...code: string[]): Uint8Array => assemble(code, 64, FLAT_IMAGE_ADDRESS);
const at = (offset: number): bigint => BigInt(FLAT_IMAGE_ADDRESS + offset);
const ripsOf = (met: readonly Met[]): bigint[] =>
  met.map(({ stop }) => (stop.kind === 'access' || stop.kind === 'breakpoint' ? stop.rip : -1n));

/** The RIPs of a guest, by the count of instructions before each, of one processor. */
function stepped(pc: Pc): bigint[] {
  const rips: bigint[] = [];
  for (let end; end === undefined;) {
    const [before, rip] = [pc.instructions, pc.core.block.get('RIP')];
    end = pc.runQuantum(() => true, 1);
    if (pc.instructions > before) rips[before] = rip;
  }
  return rips;
}

describe('MachineStops', () => {
  for (const [name, guest] of Object.entries(guests))
    it(`change nothing of the run of ${name}`, async () => {
      const undisturbed = await guest();
      runFor(undisturbed, Infinity);
      const wanted = seenOf(undisturbed);
      const pc = await guest();
      const start = pc.mark();
      let met = 0;
      for (let seed = 1; seed <= 3; seed++) {
        pc.reset(start);
        const next = randomNumbers(seed);
        const seen: bigint[] = [];
        let turns = 0;
        const choose = (): WantedStops => ({
          breakpoints: seen.length === 0 ? [] : Array.from({ length: next(9) }, () => seen[next(seen.length)]!),
          watchpoints: [
            watch(0x600 + 16 * next(12), 1 + next(64), { access: 'any' }),
            watch(0x7f00 + next(0x200), 8, { access: 'read' }),
            watch(0x100000 + next(0x3000), 64, { space: 'physical' }),
          ].slice(next(4)),
          exits: [],
        });
        for (let end; end === undefined || pc.stops.isMet; turns++) {
          if (turns > 1e6) throw new Error('the guest does not end');
          if (next(4) === 0) pc.stops.set(choose());
          if (next(100) === 0) pc.stops.clear();
          for (const { core } of pc.processors) if (seen.length < 400) seen.push(core.block.get('RIP'));
          end = pc.runQuantum(() => true, 1 + next(next(3) === 0 ? 300 : 20));
          const stop = pc.stops.take();
          if (stop !== undefined) met++;
          if (stop !== undefined && next(10) !== 0) pc.stops.pass();
          else if (stop?.kind === 'breakpoint') pc.stops.set(none);
        }
        expect(seenOf(pc), `seed ${seed}`).to.deep.equal(wanted);
      }
      expect(met, 'stops').to.be.greaterThan(20);
    });

  it('have a breakpoint before each execution of its instruction, however long the machine runs at a time', async () => {
    const pc = await booted(raceGuest(1, 5), 1);
    const start = pc.mark();
    const rips = stepped(pc);
    for (const rip of new Set(rips)) {
      const places = rips.flatMap((each, place) => (each === rip ? [place] : []));
      for (const most of [Infinity, 3]) {
        pc.reset(start);
        const met = allStops(pc, { breakpoints: [rip] }, most);
        expect(
          met.map((each) => each.at),
          rip.toString(16),
        ).to.deep.equal(places);
        expect(ripsOf(met).every((each) => each === rip)).to.equal(true);
      }
    }
  });

  it('have breakpoints on each processor, and again after code was written over', async () => {
    const pc = await guests['four processors that race on a lock']!();
    // The first processor's loop in the flat image; the others' copy is in real mode.
    const dec = assemble(['dec ebx'], 16);
    const copy = 0x8000;
    runFor(pc, 600);
    const offset = Buffer.from(pc.ram.subarray(copy, copy + 0x100)).indexOf(dec);
    const met = allStops(pc, { breakpoints: [BigInt(copy + offset)] });
    expect(new Set(met.map(({ stop }) => stop.processor))).to.deep.equal(new Set([1, 2, 3]));
    expect(met.length).to.be.greaterThan(150);
  });

  it('have a watchpoint behind each write of a value, and name the instruction', async () => {
    const pc = await booted(raceGuest(1, 30), 1);
    const start = pc.mark();
    const rips = stepped(pc);
    for (const space of ['linear', 'physical'] as const) {
      pc.reset(start);
      const met = allStops(pc, { watchpoints: [watch(RaceGuest.counter, 4, { space })] });
      expect(met.length).to.equal(30);
      const [first] = met;
      expect(first!.stop).to.deep.include({
        kind: 'access',
        isWrite: true,
        bytes: 4,
        address: BigInt(RaceGuest.counter),
      });
      expect(new Set(ripsOf(met)).size).to.equal(1);
      expect(met.map((each) => rips[each.at - 1])).to.deep.equal(ripsOf(met));
    }
  });

  it('tell reads from writes, and see each byte of an access that crosses a page', async () => {
    const code = lines(
      'mov edi, 0x300ffd',
      'mov eax, [rdi]',
      'mov [rdi], eax',
      'add dword ptr [rdi], 1',
      'mov al, [rdi + 4]',
      'cli',
      'hlt',
    );
    const [read, write, add, other] = [5, 7, 9, 12].map(at);
    const expected: readonly (readonly [Partial<Watchpoint>, bigint[]])[] = [
      [{ access: 'read' }, [read!, add!]],
      [{ access: 'write' }, [write!, add!]],
      [{ access: 'any' }, [read!, write!, add!]],
    ];
    const pc = await booted(code, 1);
    const start = pc.mark();
    for (const space of ['linear', 'physical'] as const)
      for (const byte of [0x300ffd, 0x300fff, 0x301000])
        for (const [which, rips] of expected) {
          pc.reset(start);
          const met = allStops(pc, { watchpoints: [watch(byte, 1, { ...which, space })] });
          expect(ripsOf(met), `${space} ${byte.toString(16)} ${which.access!}`).to.deep.equal(rips);
        }
    expect(
      ripsOf(allStops(await booted(code, 1), { watchpoints: [watch(0x301001, 8, { access: 'any' })] })),
    ).to.deep.equal([other]);
  });

  it('stop at pushes of calls and of interrupts, and at stores of repeated instructions', async () => {
    const code = lines(
      'mov esp, 0x300800',
      'mov ecx, 3',
      'again: call routine',
      'loop again',
      'mov edi, 0x310000',
      'mov ecx, 64',
      'rep stosb',
      'cli',
      'hlt',
      'routine: ret',
    );
    expect(ripsOf(allStops(await booted(code, 1), { watchpoints: [watch(0x3007f8, 1)] }))).to.deep.equal(
      [10, 10, 10].map(at),
    );
    const repeated = await booted(code, 1);
    const met = allStops(repeated, { watchpoints: [watch(0x310020, 1)], breakpoints: [at(27)] });
    expect(met.map(({ stop }) => stop.kind)).to.deep.equal(['breakpoint', 'access']);
    expect(ripsOf(met)).to.deep.equal([at(27), at(27)]);
    const timer = await guests['a guest that sleeps to timer interrupts']!();
    const stack = timer.core.block.get('RSP');
    const pushes = allStops(timer, { watchpoints: [watch(stack - 64n, 64)] });
    expect(pushes.length).to.be.greaterThan(24);
  });

  it('find code that the guest has just written', async () => {
    const code = lines(
      'mov ecx, 3',
      'lea rdi, [rip + place]',
      'again: mov byte ptr [rdi], 0x90',
      'mov byte ptr [rdi + 1], 0x90',
      'place: inc eax',
      'loop again',
      'cli',
      'hlt',
    );
    const place = 5 + 7 + 3 + 4;
    const met = allStops(await booted(code, 1), { breakpoints: [at(place), at(place + 1)] });
    expect(ripsOf(met)).to.deep.equal([0, 1, 0, 1, 0, 1].map((n) => at(place + n)));
  });

  it('drop an access whose instruction faults', async () => {
    // The read of the source is met; the write to the hole of the page tables faults, and there is no handler: a triple fault.
    const code = lines('mov esi, 0x300000', 'mov rdi, 0x7fff00000000', 'movsb');
    const met = allStops(await booted(code, 1), { watchpoints: [watch(0x300000, 1, { access: 'read' })] });
    expect(met).to.deep.equal([]);
  });

  it('see devices and the machine itself write to physical memory', async () => {
    const pc = await guests['a guest with disk requests under way']!();
    const met = allStops(pc, { watchpoints: [watch(0x324000, 512, { space: 'physical' })] });
    const machine = met.filter(({ stop }) => stop.kind === 'machine');
    expect(machine.length).to.equal(6);
    const { stop } = machine[0]!;
    if (stop.kind === 'machine') expect(stop.trace).to.match(/virtio_blk/);
    expect(met.some((each) => each.stop.kind === 'access')).to.equal(true);
  });

  it('keep the last of several writes that the machine makes before it is asked', async () => {
    const pc = await booted(lines('cli', 'hlt'), 1);
    pc.stops.set({ ...none, watchpoints: [watch(0x400000, 16, { space: 'physical' })] });
    pc.core.guestRam.set([1], 0x400000);
    pc.core.guestRam.set([2, 3], 0x400004);
    pc.core.guestRam.set([4], 0x400010);
    expect(pc.stops.take()).to.deep.include({ kind: 'machine', address: 0x400004n, bytes: 2 });
  });

  it('see accessed flags that a page walk sets', async () => {
    const pc = await guests['four processors that clear their own flags']!();
    const cr3 = pc.core.block.get('CR3');
    const met = allStops(pc, { watchpoints: [watch(cr3, 4096, { space: 'physical' })] });
    expect(met.some((each) => each.stop.kind === 'structure')).to.equal(true);
  });

  it('refuse too many, and memory that is not there', async () => {
    const pc = await booted(lines('cli', 'hlt'), 1);
    const set = (wanted: Partial<WantedStops>) => () => pc.stops.set({ ...none, ...wanted });
    expect(set({ breakpoints: new Array<bigint>(257).fill(0n) })).to.throw(BareflankError, '257 breakpoints');
    expect(set({ watchpoints: new Array<Watchpoint>(33).fill(watch(0, 1)) })).to.throw(
      BareflankError,
      '33 watchpoints',
    );
    expect(set({ watchpoints: [watch(0, 0)] })).to.throw(BareflankError, 'at least one byte');
    expect(set({ watchpoints: [watch(0xfee00000, 4, { space: 'physical' })] })).to.throw(BareflankError, 'only RAM');
    expect(set({ watchpoints: [watch(2n ** 64n - 1n, 2)] })).to.throw(BareflankError, 'at least one byte');
  });

  it('cost nothing when the debugger has gone', async () => {
    const pc = await guests['a guest that races on a lock']!();
    allStops(pc, {});
    pc.stops.set({ ...none, breakpoints: [at(0)], watchpoints: [watch(0x600, 1)] });
    expect(pc.core.block.get('TLB_DATA')).to.equal(0x3f8000);
    pc.stops.clear();
    expect(pc.core.block.get('TLB_DATA')).to.not.equal(0x3f8000);
    expect(pc.stops.take()).to.equal(undefined);
  });
});
