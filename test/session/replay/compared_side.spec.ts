// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { ComparedSide, END_OF_RECORDING, type ExitOfRun } from '../../../src/session/replay/compared_side.js';
import { ReplayedInputs } from '../../../src/session/replayed_inputs.js';
import { machine, make, recordedRun, runOf, World } from '../random_run.js';

describe('ComparedSide', () => {
  it("gives each VM exit of a run once, the driver's too, and then says how the run ended", async () => {
    const run = { ...runOf(4), seed: 5 };
    const { items, hash } = await recordedRun(run);
    const world = new World();
    world.wantsAttention = () => false;
    let inputs!: ReplayedInputs;
    const { session, driver, commands } = await machine(run, world, () => 1, {
      inputs: (pc) => (inputs = new ReplayedInputs(pc, items, world.attention)),
    });
    const vmm = {
      driver,
      call: (call: Parameters<typeof make>[2]) => make(session, commands, call),
      start: () => expect.fail('no late start'),
      restore: () => expect.fail('nothing is restored'),
    };
    const side = new ComparedSide({ session, inputs, vmm, globals: undefined });
    const exits: ExitOfRun[] = [];
    for (let exit = await side.next(); typeof exit === 'object'; exit = await side.next()) exits.push(exit);
    expect(exits).to.have.length(session.pc.exitCount);
    const reasons = new Set(exits.map((exit) => (typeof exit === 'string' ? exit : exit.reason)));
    expect([...reasons]).to.include.members([ExitReason.Cpuid, ExitReason.Vmcall]);
    expect(await side.next()).to.be.oneOf([END_OF_RECORDING, 'the machine ended: powered-off']);
    expect([inputs.divergence, session.pc.stateHash()]).to.deep.equal([undefined, hash]);
    expect(side.registers(0).some((line) => line.startsWith('RAX='))).to.equal(true);
  });

  it('looks no further than the other run has come, and gives up if its owner wants attention', async () => {
    const run = { ...runOf(0), seed: 7 };
    const { items } = await recordedRun(run);
    const world = new World();
    world.wantsAttention = () => false;
    let inputs!: ReplayedInputs;
    const { session, driver } = await machine(run, world, () => 1, {
      inputs: (pc) => (inputs = new ReplayedInputs(pc, items, world.attention)),
    });
    const vmm = { driver, call: () => Promise.resolve(), start: () => {}, restore: () => Promise.resolve() };
    const side = new ComparedSide({ session, inputs, vmm, globals: undefined });
    expect(await side.next({ time: 0, isEnd: false })).to.equal('no VM exit up to here');
    expect(await side.next({ time: side.time, isEnd: true })).to.equal(END_OF_RECORDING);
    world.wantsAttention = () => true;
    expect(await side.next()).to.equal(undefined);
  });
});
