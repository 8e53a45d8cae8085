// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { inject, injectable } from 'inversify';
import { GeneralRegisters } from '../../../src/intrinsics/instructions/general_registers.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import type { WantedStops } from '../../../src/machine/debug/debugger_stop.js';
import type { Debugger, Stopped } from '../../../src/session/debug/debugger.js';
import { SliceEnd } from '../../../src/session/session_ports.js';
import { randomNumbers } from '../../machine/random_numbers.js';
import { vcpuModule } from '../../../src/vmm/container/part_module.js';
import { state } from '../../../src/vmm/state/state.js';
import { ExitContribution } from '../../../src/vmm/contributions/exit_contribution.js';
import { framed } from '../../../src/bfm/gdb/packet_framing.js';
import { GdbClient } from '../../bfm/gdb/gdb_client.js';
import { runOf, type RandomRun } from '../random_run.js';
import { debuggerOf } from './debugger_of.js';

const isFull = process.env.BAREFLANK_FULL === '1';
/** Stops on the way forward. */
const most = isFull ? 60 : 12;

type Debugged = Awaited<ReturnType<typeof debuggerOf>>;

/** Linear addresses of instructions that the run comes to. */
async function someAddresses({ debug, pc }: Debugged, next: (limit: number) => number): Promise<bigint[]> {
  await debug.resume();
  const end = pc.instructions;
  const found = new Set<bigint>();
  for (let i = 0; i < (isFull ? 12 : 4); i++) {
    await debug.goTo(next(end));
    const { block } = pc.processors[debug.processor]!.core;
    found.add((block.get('MODE') & 8) === 0 ? block.get('CS').base + block.get('RIP') : block.get('RIP'));
  }
  await debug.goTo(0);
  return [...found];
}

/** Where the run is, and why. */
const seen = ({ pc }: Debugged, stopped: Stopped) => ({
  stopped,
  instructions: pc.instructions,
  hash: pc.stateHash(),
});

describe('Debugger', function () {
  if (isFull) this.timeout(600_000);

  for (const kind of isFull ? [0, 3, 5, 7] : [3, 5]) {
    const { processors, hasVmm } = runOf(kind);
    it(`comes by the same breakpoints on its way back: ${processors} processors${hasVmm ? ', a VMM' : ''}`, async () => {
      for (let i = 1; i <= (isFull ? 8 : 1); i++) {
        const run = runOf(kind + 16 * i);
        const made = await debuggerOf(run);
        const { debug, pc } = made;
        expect(debug.processor, 'none has executed yet').to.equal(0);
        const next = randomNumbers(run.seed);
        const addresses = await someAddresses(made, next);
        debug.stops = { breakpoints: addresses.slice(0, 2), watchpoints: [], exits: hasVmm ? [ExitReason.Cpuid] : [] };
        const forward: ReturnType<typeof seen>[] = [];
        for (;;) {
          const stopped = await debug.resume();
          if (stopped.kind !== 'met') break;
          forward.push(seen(made, stopped));
          if (forward.length > most) break;
        }
        expect(forward.length).to.be.greaterThan(1);
        if (forward.length > most) forward.pop();
        for (let n = 0; n < (isFull ? 8 : 3) && forward.length > 0; n++)
          expect(seen(made, await debug.reverse()), `seed ${run.seed}`).to.deep.equal(forward.pop());
        debug.stops = { breakpoints: [], watchpoints: [], exits: [] };
        expect((await debug.reverse()).kind).to.equal('begin');
        expect(pc.instructions).to.equal(0);
      }
    });

    it(`takes steps of each processor back: ${processors} processors${hasVmm ? ', a VMM' : ''}`, async () => {
      const run = runOf(kind + 32);
      const made = await debuggerOf(run);
      const { debug, pc } = made;
      const next = randomNumbers(run.seed);
      await debug.resume();
      const end = pc.instructions;
      for (let i = 0; i < (isFull ? 40 : 3); i++) {
        await debug.goTo(1 + next(end - 10_000));
        const processor = next(processors);
        const each = pc.processors[processor]!;
        const count = each.instructionCount;
        if (count === 0) continue;
        const there = seen(made, await debug.step(processor));
        if (there.stopped.kind !== 'stepped') continue;
        expect(each.instructionCount).to.equal(count + 1);
        const back = await debug.reverseStep(processor);
        expect(back).to.deep.equal({ kind: 'stepped', processor, exits: [] });
        expect(each.instructionCount).to.equal(count);
        expect(debug.processor).to.equal(processor);
        const again = seen(made, await debug.step(processor));
        expect([again.hash, again.instructions]).to.deep.equal([there.hash, there.instructions]);
      }
    });
  }

  it('goes back to before the last write of memory', async () => {
    const run = runOf(19);
    const made = await debuggerOf(run);
    const { debug, pc } = made;
    const stack = pc.core.block.get('RSP');
    const watched: WantedStops['watchpoints'] = [{ space: 'linear', address: stack - 8n, bytes: 8, access: 'write' }];
    await debug.resume();
    const end = pc.instructions;
    debug.stops = { breakpoints: [], watchpoints: watched, exits: [] };
    const word = (): bigint => pc.core.u64[pc.core.physicalOffset(Number(stack) - 8) / 8]!;
    const places: number[] = [];
    for (let stopped = await debug.reverse(); stopped.kind === 'met'; stopped = await debug.reverse()) {
      places.push(pc.instructions);
      expect(stopped.stop.kind).to.equal('access');
      // The write comes next.
      await debug.goTo(pc.instructions + 1);
      await debug.goTo(pc.instructions - 1);
      if (places.length === 5) break;
    }
    expect(places.length).to.be.greaterThan(0);
    await debug.goTo(places[0]!);
    const before = word();
    await debug.goTo(places[0]! + 1);
    const after = word();
    await debug.goTo(end);
    expect(word()).to.equal(after);
    expect([...places].sort((one, other) => other - one)).to.deep.equal(places);
    expect(typeof before).to.equal('bigint');
  });

  it('is interrupted, back and forth, and goes on', async () => {
    let asked = 0;
    const { debug, pc } = await debuggerOf(runOf(16), () => Promise.resolve(++asked === 1));
    expect(await debug.resume()).to.deep.equal({ kind: 'interrupted' });
    const { end } = (await debug.resume()) as { readonly end: SliceEnd };
    expect(end).to.be.oneOf([SliceEnd.Replayed, SliceEnd.Ended]);
    expect(pc.instructions).to.be.greaterThan(0);
    asked = 0;
    debug.stops = { breakpoints: [1n], watchpoints: [], exits: [] };
    expect((await debug.reverse()).kind).to.equal('interrupted');
    expect((await debug.reverse()).kind).to.equal('begin');
  });

  it('comes back to a place behind a VM exit that took no instruction', async () => {
    // Every other CPUID is executed again.
    @injectable()
    class Retries implements ExitContribution {
      readonly name = 'retries';
      readonly reasons = [ExitReason.Cpuid];
      @state() private exits = 0;
      handleExit(): boolean {
        return ++this.exits % 2 === 1;
      }
    }
    const module = vcpuModule(({ bind }) => void bind(ExitContribution).to(Retries));
    const made = await debuggerOf({ ...runOf(20), module });
    const { debug, pc } = made;
    debug.stops = { breakpoints: [], watchpoints: [], exits: [ExitReason.Cpuid] };
    for (let i = 0; i < 4; i++) {
      const stopped = await debug.resume();
      expect(stopped.kind).to.equal('met');
      const { place } = debug;
      const { hash } = seen(made, stopped);
      await debug.goTo(0);
      await debug.comeBack(place);
      expect(debug.place).to.deep.equal(place);
      expect(pc.stateHash()).to.equal(hash);
    }
  });

  describe('under an extension that keeps state in a variable of its module', () => {
    /** A handler of CPUID that changes a register of its guest, each time to another value. */
    const carelessRun = (): RandomRun => {
      let calls = 0n;
      @injectable()
      class Careless implements ExitContribution {
        readonly name = 'careless';
        readonly reasons = [ExitReason.Cpuid];
        @inject(GeneralRegisters) private readonly registers!: GeneralRegisters;
        handleExit(): boolean {
          this.registers.values[9] = ++calls;
          return false;
        }
      }
      // The recorded run counts too.
      const module = vcpuModule(({ bind }) => void bind(ExitContribution).to(Careless));
      return { ...runOf(20), seed: 20, module };
    };
    const goes: Readonly<Record<string, (debug: Debugger, instructions: number) => Promise<unknown>>> = {
      'reverse-continue': (debug) => debug.reverse(),
      'reverse-stepi': (debug) => debug.reverseStep(0),
      'monitor goto': (debug, instructions) => debug.goTo(instructions - 1),
    };
    for (const [name, go] of Object.entries(goes))
      it(`warns once: ${name}`, async () => {
        const { debug, pc } = await debuggerOf(carelessRun());
        debug.stops = { breakpoints: [], watchpoints: [], exits: [ExitReason.Cpuid] };
        for (let i = 0; i < 6; i++) expect((await debug.resume()).kind).to.equal('met');
        expect(debug.takeWarning()).to.equal(undefined);
        await go(debug, pc.instructions);
        expect(debug.takeWarning()).to.match(
          /^the run went another way when it was executed again: at instruction \d+ its registers or VM exits are other ones; an extension may keep state in variables of its module/,
        );
        await go(debug, pc.instructions);
        expect(debug.takeWarning()).to.equal(undefined);
      });

    it("shows the warning in GDB's console", async () => {
      const { debug, session } = await debuggerOf(carelessRun());
      const gdb = new GdbClient(session, { debug }).attach();
      await gdb.ask('?');
      gdb.send(framed(`qRcmd,${Buffer.from('break-exit cpuid').toString('hex')}`));
      await gdb.reply();
      for (const packet of ['c', 'c', 'c', 'c']) await gdb.ask(packet);
      expect(gdb.console).to.not.include('warning');
      for (const packet of ['bc', 'bc']) await gdb.ask(packet);
      expect(gdb.console.match(/warning: what follows may be wrong: the run went another way/g)).to.have.length(1);
      gdb.endRun();
      await gdb.done;
    });
  });

  it('leaves nothing behind', async () => {
    const { debug, pc } = await debuggerOf(runOf(16));
    debug.stops = { breakpoints: [0x200000n], watchpoints: [], exits: [ExitReason.Cpuid] };
    await debug.resume();
    debug.detach();
    expect(pc.stops.take()).to.equal(undefined);
    expect(pc.processors.every(({ stopsAtExit }) => stopsAtExit === undefined)).to.equal(true);
  });
});
