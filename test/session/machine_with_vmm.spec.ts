// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { injectable } from 'inversify';
import { ExitReason } from '../../src/intrinsics/vmx/exit_reasons.js';
import { DriverStateError } from '../../src/driver/driver_errors.js';
import type { ModuleSource } from '../../src/driver/module_source.js';
import { moduleFiles } from '../../src/driver/node/module_files.js';
import { MachineStateError } from '../../src/machine/state/machine_state_error.js';
import { MachineWithVmm } from '../../src/session/machine_with_vmm.js';
import { vcpuModule } from '../../src/vmm/container/part_module.js';
import { ExitContribution } from '../../src/vmm/contributions/exit_contribution.js';
import { state } from '../../src/vmm/state/state.js';
import { equalData } from '../../src/vmm/state/equal_data.js';
import { coreModule } from '../support/test_core.js';
import { cpuids, effects, listOf, race, resultOf, type Guest } from './vmm_guests.js';

const machines: MachineWithVmm[] = [];

async function started(guest: Guest, modules: readonly string[], source: ModuleSource = moduleFiles) {
  const machine = await MachineWithVmm.create({
    coreModule: await coreModule(),
    memoryBytes: 16 << 20,
    processors: guest.processors,
    source,
    modules,
  });
  machines.push(machine);
  machine.boot({ kernel: { name: guest.name, bytes: guest.bytes }, append: '3000' });
  if (modules.length > 0) machine.driver.start();
  return machine;
}

const seenOf = (machine: MachineWithVmm) => {
  const { pc, driver, output } = machine;
  const seen = driver.hasVmm ? resultOf(machine) : {};
  return { ...seen, hash: pc.stateHash(), instructions: pc.instructions, time: pc.virtualTime, output };
};

describe('MachineWithVmm', () => {
  afterEach(() => {
    for (const machine of machines.splice(0)) machine[Symbol.dispose]();
  });

  for (const [guest, names] of [
    [cpuids, ['example_cpuidcount']],
    [effects, ['example_cpuidcount', 'example_ept_hook', 'example_msr_bitmap', 'example_vpid']],
    [race, ['example_cpuidcount', 'example_ept_hook']],
    [race, []],
  ] as const)
    it(`goes back as often as wanted: ${guest.name} on ${guest.processors} processors under ${names.join(', ') || 'no VMM'}`, async () => {
      const machine = await started(guest, names.map(listOf));
      machine.run(guest.step);
      const moment = machine.mark();
      const [there, saved] = [seenOf(machine), machine.driver.save()];
      const runs = [1, 2, 3].map((round) => {
        machine.run(1000 * round);
        machine.reset(moment);
        expect(seenOf(machine)).to.deep.equal(there);
        expect(equalData(machine.driver.save(), saved), 'the state of the VMM').to.equal(true);
        machine.run(1e9);
        const result = seenOf(machine);
        machine.reset(moment);
        return result;
      });
      expect(runs[0]!.instructions).to.not.deep.equal(there.instructions);
      expect(runs.slice(1)).to.deep.equal([runs[0], runs[0]]);
    });

  it('goes back after a handler has killed the machine', async () => {
    @injectable()
    class Deadly implements ExitContribution {
      readonly name = 'deadly';
      readonly reasons = [ExitReason.Cpuid];
      @state() private count = 0;
      handleExit(): boolean {
        if (++this.count > 5) throw new RangeError('one too many');
        return false;
      }
    }
    const module = vcpuModule(({ bind }) => void bind(ExitContribution).to(Deadly));
    const source: ModuleSource = { ...moduleFiles, load: () => Promise.resolve({ modules: [module], hash: 'test' }) };
    const machine = await started(cpuids, [listOf('example_cpuidcount')], source);
    const moment = machine.mark();
    const there = seenOf(machine);
    const deaths = [1, 2, 3].map(() => {
      const end = machine.run(1e9);
      expect(end).to.include({ kind: 'dead' });
      const { instructions } = seenOf(machine);
      machine.reset(moment);
      expect(seenOf(machine)).to.deep.equal(there);
      return { end, instructions };
    });
    expect(deaths[0]!.end!.detail).to.include('one too many');
    expect(deaths.slice(1)).to.deep.equal([deaths[0], deaths[0]]);
  });

  it('forgets what was printed and taken since', async () => {
    const machine = await started(cpuids, [listOf('example_cpuidcount')]);
    machine.coverage.start();
    const moment = machine.mark();
    machine.run(1e9);
    const [output, map] = [machine.output, machine.coverage.map.slice()];
    expect(output).to.not.equal('');
    machine.reset(moment);
    expect(machine.output).to.equal('');
    expect(machine.coverage.map.some((count) => count !== 0)).to.equal(false);
    machine.run(1e9);
    expect(machine.output).to.equal(output);
    expect(machine.coverage.map).to.deep.equal(map);
  });

  it('does not go back over a stop of the VMM, nor to a moment of another machine, and changes nothing then', async () => {
    const machine = await started(effects, [listOf('example_cpuidcount')]);
    const moment = machine.mark();
    machine.run(500);
    machine.driver.stop();
    const there = seenOf(machine);
    expect(() => machine.reset(moment)).to.throw(DriverStateError, 'while the VMM is VMM_LOADED');
    expect(seenOf(machine)).to.deep.equal(there);
    const other = await started(race, []);
    const otherThere = seenOf(other);
    expect(() => other.reset({ ...other.mark(), machine: moment.machine })).to.throw(
      MachineStateError,
      'another machine',
    );
    expect(seenOf(other)).to.deep.equal(otherThere);
  });

  it('takes typed bytes and bytes of memory, and runs for so much virtual time', async () => {
    const machine = await started(race, []);
    machine.type([0x61, 0x62]);
    expect(machine.pc.chipset.com1.waitingBytes).to.equal(2);
    machine.write(0x500000, [1, 2, 3]);
    expect([...machine.pc.ram.subarray(0x500000, 0x500004)]).to.deep.equal([1, 2, 3, 0]);
    expect(machine.run(2000)).to.equal(undefined);
    expect(machine.pc.virtualTime).to.be.within(2000, 2100);
  });
});
