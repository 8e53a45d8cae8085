// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { ObservedRun } from '../../../src/session/explore/observed_run.js';
import { endExplored, explored } from './explored_guest.js';

describe('ObservedRun', () => {
  afterEach(endExplored);

  it('shows machine, memory, processors, exits and reports of the present run', async () => {
    const { target, machine } = await explored('race_hook', 'example_racing_hook');
    const run = new ObservedRun(target);
    for (let time = 0; time < 2; time++) {
      target.reset();
      run.begin();
      expect([run.exits(ExitReason.Cpuid), run.machine.end, run.machine.output]).to.deep.equal([0, undefined, '']);
      const end = machine.run(1e9)!;
      run.ended(end);
      const { exits } = run;
      expect(exits(ExitReason.Cpuid), 'as a predicate takes it').to.equal(1);
      expect(run.machine).to.deep.include({ end, output: '' });
      expect(run.machine.instructions).to.equal(run.processors.reduce((sum, each) => sum + each.instructions, 0));
      expect(run.machine.virtualTime).to.equal(machine.pc.virtualTime);
      expect(run.reports['racing-hook']).to.deep.equal({ taken: 2 });
    }
    const [first, second] = run.processors;
    expect([first!.id, second!.id, first!.isInGuest]).to.deep.equal([0, 1, true]);
    expect(first!.register('RDX')).to.equal(0xf4n);
  });

  it('reads memory in the sizes of the processor, and nothing beyond its end', async () => {
    const { target, machine } = await explored('race_hook', 'example_racing_hook');
    const { memory } = new ObservedRun(target);
    machine.write(0x3000, [1, 2, 3, 4, 5, 6, 7, 8]);
    expect([memory.read8(0x3001), memory.read16(0x3001), memory.read32(0x3001)]).to.deep.equal([2, 0x302, 0x5040302]);
    expect(memory.read64(0x3000)).to.equal(0x0807060504030201n);
    expect([...memory.bytes(0x3002, 3)]).to.deep.equal([3, 4, 5]);
    const { length } = machine.pc.ram;
    for (const read of [
      () => memory.read8(length),
      () => memory.read64(length - 7),
      () => memory.bytes(length - 1, 2),
      () => memory.bytes(-1, 1),
    ])
      expect(read).to.throw(RangeError);
  });
});
