// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { LookLimit } from '../../../src/bfm/evaluate/look_limit.js';
import { scopeNames } from '../../../src/bfm/evaluate/scope_names.js';
import { cpuids, race, resultOf } from '../../session/vmm_guests.js';
import { seen } from './seen_machine.js';

const looks = [
  'machine',
  'machine.stateHash()',
  'vcpu(0)',
  'vmcs.guestRip',
  'vcpu(0).vmcs.vmcsLinkPointer',
  'memory.u64(0x100000)',
  'vcpu(0).memory.read(vcpu(0).registers.RIP, 8)',
  'vcpu(0).walk(vcpu(0).registers.RIP)',
  'symbols.nameOf(0)',
  'vmm',
  'vmm.state()',
  'write',
];

describe('machineScope', () => {
  for (const guest of [cpuids, race])
    it(`lets a look change nothing: ${guest.processors} processors`, async () => {
      const run = async (look: boolean) => {
        const machine = await seen(guest);
        for (let turns = 0; machine.pc.runQuantum(() => true, guest.step) === undefined && turns < 8; turns++) {
          if (!look) continue;
          const before = machine.pc.stateHash();
          for (const expression of looks) machine.evaluator.evaluate(expression);
          for (const { id } of machine.pc.processors) machine.evaluator.evaluate(`vcpu(${id}).vmcs`);
          expect(machine.pc.stateHash()).to.equal(before);
        }
        while (machine.pc.runQuantum(() => true) === undefined);
        const result = resultOf(machine);
        machine.driver.close();
        return result;
      };
      expect(await run(true)).to.deep.equal(await run(false));
    });

  it('lets looks without end change nothing: they are refused before force ends the code', async () => {
    const { evaluator, pc, driver } = await seen(race, { limit: new LookLimit(50) });
    const before = pc.stateHash();
    const { processor } = pc.stops;
    for (const look of ['vcpu(1).registers', 'machine.stateHash()', 'vmm.state()', 'memory.u8(0)', 'symbols.find(0)'])
      expect(() => evaluator.evaluate(`for (;;) ${look}`), look).to.throw('may not look on');
    expect(() => evaluator.evaluate('for (;;) try { vcpu(1) } catch {}')).to.throw('timed out');
    expect(pc.stateHash()).to.equal(before);
    expect(pc.stops.processor).to.equal(processor);
    driver.close();
  });

  it('leaves the processor selected that was, when a look throws', async () => {
    const { evaluator, pc, driver } = await seen(race);
    const { processor } = pc.stops;
    for (const { id } of pc.processors) {
      expect(() =>
        pc.inspect((each) => {
          if (each.id === id) throw new Error('a look fails');
        }),
      ).to.throw();
      expect(pc.stops.processor).to.equal(processor);
    }
    evaluator.evaluate('machine');
    driver.close();
  });

  it('has the names that are announced', async () => {
    const { scope, driver } = await seen(cpuids);
    expect(Object.keys(scope)).to.have.members([...scopeNames]);
    driver.close();
  });
});
