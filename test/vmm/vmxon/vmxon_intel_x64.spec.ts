// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import sinon from 'sinon';
import { Msr } from '../../../src/intrinsics/registers/msr_definitions.js';
import { MemoryManagerError, OutOfMemoryError, VmxError, VmxonError } from '../../../src/vmm/errors.js';
import { MemoryManagerX64 } from '../../../src/vmm/memory_manager/memory_manager_x64.js';
import { VmxonIntelX64 } from '../../../src/vmm/vmxon/vmxon_intel_x64.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { make } from '../../support/make.js';
import { captureOutput } from '../capture_output.js';

const vmxe = 0x2000n;

function vmxon(prepare: (machine: FakeMachine) => void = () => {}) {
  const machine = new FakeMachine();
  prepare(machine);
  const { vmx, accessors, memory } = machine;
  const manager = make(MemoryManagerX64, { memory });
  manager.init();
  return { machine, manager, it: make(VmxonIntelX64, { vmx, ...accessors, manager, memory }) };
}

/** Memory that can be had again shows that nothing was kept. */
function firstFreePage(manager: MemoryManagerX64): bigint {
  return manager.alloc(32 * 1024 * 1024);
}

describe('VmxonIntelX64', () => {
  describe('.start', () => {
    it('turns VMX operation on, with a region that starts with the revision id', () => {
      let region: bigint | undefined;
      const { it, machine } = vmxon(({ vmx }) => {
        const { vmxon: original } = vmx;
        Object.assign(vmx, { vmxon: (physical: bigint) => ((region = physical), original(physical)) });
      });
      it.start();
      expect(it.isOn).to.equal(true);
      expect(machine.isVmxOn).to.equal(true);
      expect(machine.registers.cr4 & vmxe).to.equal(vmxe);
      expect(machine.memory.readPhysical64(region!)).to.equal(4n);
      expect(region! & 0xfffn).to.equal(0n);
    });

    it('enables and locks VMX outside SMX when the firmware left the choice', () => {
      const { it, machine } = vmxon(({ msr }) => msr.set(Msr.Ia32FeatureControl, 0n));
      it.start();
      expect(machine.msr.get(Msr.Ia32FeatureControl)).to.equal(5n);
    });

    const failures: [string, (machine: FakeMachine) => unknown, RegExp][] = [
      ['CR4.VMXE is set', ({ registers }) => (registers.cr4 |= vmxe), /vmxon already enabled/],
      ['CPUID has no VMX', ({ leaves }) => leaves.set(1, [0, 0, 0, 0]), /vmx unsupported: CPUID\.1:ECX bit 5/],
      [
        'the physical-address width is 32 bits',
        ({ msr }) => msr.set(Msr.Ia32VmxBasic, 0x00db0400_00000004n),
        /invalid physical address width.*0xdb040000000004/,
      ],
      [
        'the memory type is not write-back',
        ({ msr }) => msr.set(Msr.Ia32VmxBasic, 0x00820400_00000004n),
        /invalid memory type.*= 0, wanted 6/,
      ],
      [
        'there are no true controls',
        ({ msr }) => msr.set(Msr.Ia32VmxBasic, 0x005a0400_00000004n),
        /invalid vmx capabilities.*bit 55/,
      ],
      [
        'CR0 lacks a bit that is fixed to 1',
        ({ registers }) => (registers.cr0 &= ~0x20n),
        /invalid cr0: CR0 = 0x80050013; VMX operation wants bits 0x20 set/,
      ],
      [
        'CR0 has a bit that is fixed to 0',
        ({ msr }) => msr.set(Msr.Ia32VmxCr0Fixed1, 0xffff_ffffn & ~0x40000n),
        /bits 0x40000 clear/,
      ],
      [
        'the firmware locked VMX out',
        ({ msr }) => msr.set(Msr.Ia32FeatureControl, 1n),
        /disabled by the firmware: IA32_FEATURE_CONTROL = 0x1.*set-up/,
      ],
      ['VMX is enabled inside SMX only', ({ msr }) => msr.set(Msr.Ia32FeatureControl, 3n), /disabled by the firmware/],
      ['the processor is in virtual-8086 mode', ({ registers }) => (registers.rflags |= 1n << 17n), /virtual-8086/],
      [
        'CR4 has a bit that is fixed to 0',
        ({ msr }) => msr.set(Msr.Ia32VmxCr4Fixed1, 0x2000n),
        /invalid cr4.*bits 0x6b0 clear/,
      ],
      [
        'CR4.VMXE cannot be set',
        ({ controlRegisters, registers }) =>
          Object.assign(controlRegisters, { writeCr4: (value: bigint) => void (registers.cr4 = value & ~vmxe) }),
        /CR4\.VMXE reads 0 after it was set/,
      ],
    ];
    for (const [when, prepare, message] of failures) {
      it(`fails when ${when}, and leaves nothing behind`, () => {
        const { it, machine, manager } = vmxon((each) => void prepare(each));
        const before = machine.registers.cr4;
        expect(() => it.start()).to.throw(VmxonError, message);
        expect(it.isOn).to.equal(false);
        expect(machine.registers.cr4).to.equal(before);
        expect(machine.calls).to.not.include('vmxon');
        expect(() => firstFreePage(manager)).to.not.throw();
      });
    }

    it('checks in the order of the manual: CR4, CPUID, capabilities, CR0, feature control', () => {
      const { it, machine } = vmxon(({ registers, leaves, msr }) => {
        registers.cr4 |= vmxe;
        registers.cr0 = 0n;
        leaves.set(1, [0, 0, 0, 0]);
        msr.set(Msr.Ia32VmxBasic, 0x00010000_00000004n);
        msr.set(Msr.Ia32FeatureControl, 1n);
      });
      const next = (message: RegExp, mend: () => unknown): void => {
        expect(() => it.start()).to.throw(VmxonError, message);
        mend();
      };
      next(/already enabled/, () => (machine.registers.cr4 &= ~vmxe));
      next(/CPUID/, () => machine.leaves.set(1, [0, 0, 0x20, 0]));
      next(/address width/, () => machine.msr.set(Msr.Ia32VmxBasic, 0x00da0400_00000004n));
      next(/invalid cr0/, () => (machine.registers.cr0 = 0x80000031n));
      next(/IA32_FEATURE_CONTROL/, () => machine.msr.set(Msr.Ia32FeatureControl, 5n));
      it.start();
    });

    it('undoes everything when VMXON fails', () => {
      const { it, machine, manager } = vmxon(({ succeeds }) => (succeeds.vmxon = false));
      expect(() => it.start()).to.throw(VmxError, /VMXON failed: region 0x/);
      expect(machine.registers.cr4 & vmxe).to.equal(0n);
      expect(it.isOn).to.equal(false);
      expect(() => firstFreePage(manager)).to.not.throw();
    });

    it('undoes everything when its region has no physical address', () => {
      const { it, machine, manager } = vmxon();
      const translate = sinon.stub(manager, 'virtualToPhysical').throws(new MemoryManagerError('no such page'));
      expect(() => it.start()).to.throw(MemoryManagerError);
      translate.restore();
      expect([machine.registers.cr4 & vmxe, it.isOn, machine.calls]).to.deep.equal([0n, false, []]);
      expect(() => firstFreePage(manager)).to.not.throw();
    });

    it('passes on that memory ran out, with CR4 untouched', () => {
      const { it, machine, manager } = vmxon();
      firstFreePage(manager);
      expect(() => it.start()).to.throw(OutOfMemoryError);
      expect(machine.registers.cr4 & vmxe).to.equal(0n);
    });

    it('fails the second time', () => {
      const { it } = vmxon();
      it.start();
      expect(() => it.start()).to.throw(VmxonError, /already enabled/);
    });
  });

  describe('.stop', () => {
    it('turns it off, clears CR4.VMXE and frees the region', () => {
      const { it, machine, manager } = vmxon();
      it.start();
      it.stop();
      expect(it.isOn).to.equal(false);
      expect(machine.registers.cr4 & vmxe).to.equal(0n);
      expect(() => firstFreePage(manager)).to.not.throw();
    });

    it('only warns when it is not on', () => {
      const { it, machine } = vmxon();
      expect(captureOutput(() => it.stop())).to.match(/^WARNING: vmxoff/);
      expect(machine.calls).to.not.include('vmxoff');
    });

    it('throws when VMXOFF fails, and is still on', () => {
      const { it, machine } = vmxon();
      it.start();
      machine.succeeds.vmxoff = false;
      expect(() => it.stop()).to.throw(VmxError, /VMXOFF failed/);
      expect(it.isOn).to.equal(true);
    });

    it('throws when CR4.VMXE cannot be cleared', () => {
      const { it, machine } = vmxon();
      it.start();
      Object.assign(machine.controlRegisters, { writeCr4: () => {} });
      expect(() => it.stop()).to.throw(VmxonError, /reads 1 after it was cleared/);
    });
  });
});
