// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { modelFeatures } from '../../../src/machine/models/model_features.js';
import { LogicalProcessor } from '../../../src/machine/processor/logical_processor.js';
import { walkedMemory } from '../../../src/machine/report/walked_memory.js';
import { SystemMachine } from '../../support/system_machine.js';

describe('walkedMemory', () => {
  it('reads 4 and 8 bytes of RAM, and nothing outside', async () => {
    const machine = await SystemMachine.make();
    const { cpu } = machine.start();
    const processor = new LogicalProcessor(0, cpu, { cr4Allowed: cpu.cr4Allowed, features: modelFeatures(cpu.model) });
    const { read, rules } = walkedMemory(processor);
    machine.poke64(0x20000, 0x8877665544332211n);
    expect([read(0x20000n, 8), read(0x20000n, 4), read(0x20004n, 4)]).to.deep.equal([
      0x8877665544332211n,
      0x44332211n,
      0x88776655n,
    ]);
    for (const outside of [16n << 20n, 0xfee0_0000n, 1n << 52n, (1n << 64n) - 8n])
      expect(read(outside, 8), outside.toString(16)).to.equal(undefined);
    expect(rules.physicalAddressWidth).to.equal(cpu.physicalAddressWidth);
  });
});
