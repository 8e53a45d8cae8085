// SPDX-License-Identifier: LGPL-2.1-only
// Every rule about the width of physical addresses follows the model.
import { expect } from 'chai';
import { isPdpte } from '../../../src/intrinsics/contents/control_register_contents.js';
import { CpuidLeaf } from '../../../src/intrinsics/registers/cpuid_leaves.js';
import { Vector } from '../../../src/intrinsics/vmx/exit_information.js';
import { Msr } from '../../../src/intrinsics/registers/msr_definitions.js';
import { PageFaultError } from '../../../src/intrinsics/structures/memory_structures.js';
import { processorModels } from '../../../src/machine/models/processor_models.js';
import { isValidEptp } from '../../../src/machine/vmx/instructions/eptp.js';
import { Page } from '../../support/processor_setup.js';
import { At, SystemMachine } from '../../support/system_machine.js';

const page = At.pages;

for (const model of processorModels) {
  describe(`A processor of the model ${model.name}`, () => {
    const width = model.physicalAddressBits;
    /** The highest address bit, and the lowest reserved one. */
    const [last, reserved] = [1n << BigInt(width - 1), 1n << BigInt(width)];
    let machine: SystemMachine;
    before(async () => {
      machine = await SystemMachine.make({}, model);
    });
    beforeEach(() => machine.start());

    it('announces its width', () => {
      const registers = new Uint32Array(4);
      machine.cpu.cpuid(CpuidLeaf.AddrSize, 0, registers);
      expect(registers[0]! & 0xff).to.equal(width);
    });

    it('takes addresses of that width in CR3 and the PTEs', () => {
      machine.set('RAX', machine.get('CR3') | reserved);
      expect(machine.run64('mov cr3, rax')).to.include({ vector: Vector.GeneralProtection, code: 0 });
      machine.start();
      machine.map(page, 0, Page.present | reserved);
      const { Present, ReservedBit } = PageFaultError;
      expect(machine.run64(`mov eax, [${page}]`)).to.include({ vector: Vector.PageFault, code: Present | ReservedBit });
      machine.start();
      machine.map(page, 0, Page.present | last);
      expect(machine.run64(`mov eax, [${page}]`).vector, 'an address without memory').to.equal(undefined);
      expect(machine.get('RAX')).to.equal(0xffffffffn);
    });

    it('takes them in the MTRRs and in IA32_APIC_BASE', () => {
      const { cpu } = machine;
      const half = (value: bigint): number => Number(value >> 32n);
      for (const msr of [Msr.Ia32MtrrPhysbase0, Msr.Ia32MtrrPhysbase0 + 1]) {
        expect(cpu.writeMsr(msr, 0, half(last)), `${msr}`).to.equal(true);
        expect(cpu.writeMsr(msr, 0, half(reserved)), `${msr}`).to.equal(false);
      }
      expect(cpu.writeMsr(Msr.Ia32ApicBase, 0xfee00900, half(reserved))).to.equal(false);
    });

    it('takes them in PDPTEs and in the EPT pointer', () => {
      const half = (value: bigint): number => Number(value >> 32n);
      expect(isPdpte(1, half(last), width)).to.equal(true);
      expect(isPdpte(1, half(reserved), width)).to.equal(false);
      expect(isValidEptp(0x1e, half(last), machine.cpu.physicalAddressWidth)).to.equal(true);
      expect(isValidEptp(0x1e, half(reserved), machine.cpu.physicalAddressWidth)).to.equal(false);
    });
  });
}
