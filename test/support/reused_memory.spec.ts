// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Pc } from '../../src/machine/pc.js';
import { ReusedMemory } from './reused_memory.js';
import { coreModule } from './test_core.js';

describe('ReusedMemory', () => {
  it('is empty for the next machine, also where a state hash or a save has forgotten what was written', async () => {
    const memory = new ReusedMemory();
    const made = async (): Promise<Pc> => {
      const pc = await Pc.create({
        coreModule: await coreModule(),
        memoryBytes: 16 << 20,
        com1: () => {},
        com2: () => {},
        ...memory.option,
      });
      memory.keep(pc);
      return pc;
    };
    const first = await made();
    first.core.guestRam.set([1], 0x5000);
    first.stateHash();
    first.core.guestRam.set([2], 0x6000);
    first.save();
    first.core.guestRam.set([3], 0x7000);
    const second = await made();
    expect(second.core.memory).to.equal(first.core.memory);
    expect([0x5000, 0x6000, 0x7000].map((address) => second.ram[address])).to.deep.equal([0, 0, 0]);
  });
});
