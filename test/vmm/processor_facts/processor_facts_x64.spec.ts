// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Msr } from '../../../src/intrinsics/registers/msr_definitions.js';
import { ProcessorFactsX64 } from '../../../src/vmm/processor_facts/processor_facts_x64.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { make } from '../../support/make.js';

function facts() {
  const machine = new FakeMachine();
  return { machine, it: make(ProcessorFactsX64, { cpuid: machine.cpuid, msrs: machine.msrs }) };
}

describe('ProcessorFactsX64', () => {
  it('has the address widths and the bits of CR4', () => {
    const { it } = facts();
    expect([it.physicalAddressWidth, it.linearAddressWidth, it.cr4Bits]).to.deep.equal([39, 48, 0x3727ff]);
  });

  it('has the bits of MSRs that CPUID announces, and all bits of others', () => {
    const { it, machine } = facts();
    machine.leaves.set(1, [0, 0, 0, 1 << 21]);
    expect([it.settableLow(Msr.Ia32Debugctl), it.settableHigh(Msr.Ia32Debugctl)]).to.deep.equal([0x1c3, 0]);
    expect([it.settableLow(0x12345), it.settableHigh(0x12345)]).to.deep.equal([-1, -1]);
  });

  it('takes an MSR that the processor lacks for 0; other exceptions pass', () => {
    const { it, machine } = facts();
    machine.msr.delete(Msr.Ia32VmxCr4Fixed1);
    expect(it.cr4Bits).to.equal(0);
    Object.assign(machine.msrs, {
      rdmsr: () => {
        throw new TypeError('broken');
      },
    });
    const other = make(ProcessorFactsX64, { cpuid: machine.cpuid, msrs: machine.msrs });
    expect(() => other.cr4Bits).to.throw('broken');
  });

  it('asks the processor once', () => {
    const { it, machine } = facts();
    it.settableLow(Msr.Ia32Efer);
    machine.leaves.set(0x80000001, [0, 0, 0, 0]);
    expect(it.settableLow(Msr.Ia32Efer)).to.equal(0xd01);
  });
});
