// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { LocalApic } from '../../../src/intrinsics/instructions/local_apic.js';
import { ApicBase, Msr } from '../../../src/intrinsics/registers/msr_definitions.js';
import { ApicRegister } from '../../../src/intrinsics/structures/apic_registers.js';
import { Constants } from '../../../src/machine/layout/core_constants.js';
import { Pc } from '../../../src/machine/pc.js';
import { coreModule } from '../../support/test_core.js';

const page = 0xfee00000;

describe('MachineLocalApic', () => {
  for (const mode of ['xAPIC', 'x2APIC'] as const) {
    describe(`in ${mode} mode`, () => {
      /** A machine whose APIC is on, and its second processor. */
      async function machine() {
        const options = { memoryBytes: 16 << 20, processors: 2, com1: () => {}, com2: () => {} };
        const pc = await Pc.create({ coreModule: await coreModule(), ...options });
        const { core } = pc.processors[1]!;
        const apic = pc.driverAccess.intrinsics.find(({ symbol }) => symbol === LocalApic)!.value as LocalApic;
        /** What an intrinsic does that the VMM on the second processor executes. */
        const there = <T>(work: () => T): T => pc.driverAccess.inDriverContext(1, work);
        there(() => {
          core.mmioWrite(page + ApicRegister.SpuriousInterruptVector, 4, 0x1ff);
          const base = page | ApicBase.ApicGlobalEnable | ApicBase.EnableX2apicMode;
          if (mode === 'x2APIC') core.writeMsr(Msr.Ia32ApicBase, base, 0);
        });
        const waits = (id: number, bit: number): boolean =>
          (pc.processors[id]!.core.block.get('ATTENTION') & bit) !== 0;
        return { core, apic, there, waits };
      }

      it('sends an NMI to the processor that executes the caller', async () => {
        const { apic, there, waits } = await machine();
        there(() => apic.nmiSelf());
        expect([0, 1].map((id) => waits(id, Constants.ATTENTION_NMI))).to.deep.equal([false, true]);
      });

      it('sends an interrupt, which is in service from its acknowledge cycle to EOI', async () => {
        const { core, apic, there, waits } = await machine();
        there(() => apic.interruptSelf(0x51));
        expect([0, 1].map((id) => waits(id, Constants.ATTENTION_INTERRUPT))).to.deep.equal([false, true]);
        expect(there(() => apic.isInService(0x51))).to.equal(false);
        expect(there(() => core.acknowledgeInterrupt())).to.equal(0x51);
        expect(there(() => [0x50, 0x51, 0x71].map((vector) => apic.isInService(vector)))).to.deep.equal([
          false,
          true,
          false,
        ]);
        there(() => apic.endOfInterrupt());
        expect(there(() => apic.isInService(0x51))).to.equal(false);
      });
    });
  }

  it('leaves a destination that software has already written', async () => {
    const options = { memoryBytes: 16 << 20, com1: () => {}, com2: () => {} };
    const pc = await Pc.create({ coreModule: await coreModule(), ...options });
    const apic = pc.driverAccess.intrinsics.find(({ symbol }) => symbol === LocalApic)!.value as LocalApic;
    const { core } = pc.processors[0]!;
    core.mmioWrite(page + ApicRegister.InterruptCommandHigh, 4, 0x03000000);
    pc.driverAccess.inDriverContext(0, () => apic.nmiSelf());
    expect(core.mmioRead(page + ApicRegister.InterruptCommandHigh, 4)).to.equal(0x03000000);
  });

  it('says whether IA32_APIC_BASE enables it', async () => {
    const options = { memoryBytes: 16 << 20, com1: () => {}, com2: () => {} };
    const pc = await Pc.create({ coreModule: await coreModule(), ...options });
    const apic = pc.driverAccess.intrinsics.find(({ symbol }) => symbol === LocalApic)!.value as LocalApic;
    const isEnabled = (): boolean => pc.driverAccess.inDriverContext(0, () => apic.isEnabled());
    expect(isEnabled()).to.equal(true);
    pc.processors[0]!.core.writeMsr(Msr.Ia32ApicBase, page, 0);
    expect(isEnabled()).to.equal(false);
  });
});
