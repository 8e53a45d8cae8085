// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExplicitWrites } from '../../../src/bfm/evaluate/explicit_writes.js';
import { cpuids } from '../../session/vmm_guests.js';
import { seen } from './seen_machine.js';

describe('ExplicitWrites', () => {
  it('writes memory and registers, and nothing else', async () => {
    const { evaluator, pc, driver } = await seen(cpuids);
    evaluator.evaluate('write.memory(0x5000, [1, 2, 3]); write.register(0, "R15", 0x1234n)');
    expect([...pc.ram.slice(0x5000, 0x5003)]).to.deep.equal([1, 2, 3]);
    expect(evaluator.evaluate('vcpu(0).registers.R15')).to.equal('0x1234n');
    for (const [code, message] of [
      ['write.memory(machine.ramBytes, [1])', /guest RAM has 16777216 bytes/],
      ['write.memory(-1, [1])', /guest RAM has/],
      ['write.register(9, "RAX", 0)', /there is no vcpu 9/],
      ['write.register(0, "CR3", 0)', /CR3 is none of RAX/],
    ] as const)
      expect(() => evaluator.evaluate(code)).to.throw(message);
    driver.close();
  });

  it('refuses to write in a recorded run', async () => {
    const { pc, driver } = await seen(cpuids);
    const hash = pc.stateHash();
    const write = new ExplicitWrites(pc, true, () => {});
    expect(() => write.memory(0, [1])).to.throw(/the run is recorded/);
    expect(() => write.register(0, 'RAX', 1)).to.throw(/the run is recorded/);
    expect(pc.stateHash()).to.equal(hash);
    driver.close();
  });
});
