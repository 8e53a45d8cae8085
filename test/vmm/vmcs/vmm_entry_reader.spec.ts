// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Msr } from '../../../src/intrinsics/registers/msr_definitions.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { MemoryManagerX64 } from '../../../src/vmm/memory_manager/memory_manager_x64.js';
import { ProcessorFactsX64 } from '../../../src/vmm/processor_facts/processor_facts_x64.js';
import { VmmEntryReader } from '../../../src/vmm/vmcs/vmm_entry_reader.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { make } from '../../support/make.js';

/** Where the guest of the tests has memory. */
const guestTable = 0x2a0000n;

function reader(isLaunch = true) {
  const machine = new FakeMachine();
  const { vmx, msrs, cpuid, memory } = machine;
  const manager = make(MemoryManagerX64, { memory });
  manager.init();
  const facts = make(ProcessorFactsX64, { cpuid, msrs });
  const guestMemory = {
    readPhysical64: (physical: bigint): bigint => {
      if (physical !== guestTable) throw new Error('no memory');
      return 0x8765_4321_1234_5678n;
    },
  };
  const sources = { vmx, msrs, cpuid, facts, memory, manager, guestMemory };
  return { machine, manager, it: new VmmEntryReader(sources, isLaunch) };
}

describe('VmmEntryReader', () => {
  it('reads halves of fields, 0 for those that the processor lacks', () => {
    const { it, machine } = reader();
    machine.fields.set(VmcsField.GuestRip, 0x1234_5678_9abc_def0n);
    expect([it.low(VmcsField.GuestRip), it.high(VmcsField.GuestRip)]).to.deep.equal([0x9abcdef0, 0x12345678]);
    expect([it.low(VmcsField.TscMultiplier), it.high(VmcsField.TscMultiplier)]).to.deep.equal([0, 0]);
  });

  it('reads capabilities, 0 where RDMSR faults; other exceptions pass', () => {
    const { it, machine } = reader();
    expect([it.capabilityLow(Msr.Ia32VmxBasic), it.capabilityHigh(Msr.Ia32VmxBasic)]).to.deep.equal([4, 0x00da0400]);
    expect(it.capabilityLow(Msr.Ia32VmxVmfunc)).to.equal(0);
    Object.assign(machine.msrs, {
      rdmsr: () => {
        throw new TypeError('broken');
      },
    });
    expect(() => it.capabilityLow(Msr.Ia32VmxBasic)).to.throw('broken');
  });

  it('knows which bits of MSRs software may set', () => {
    const { it, machine } = reader();
    machine.leaves.set(0xa, [0x0402, 0, 0, 3]);
    expect([it.settableLow(Msr.Ia32Efer), it.settableHigh(Msr.Ia32Efer)]).to.deep.equal([0xd01, 0]);
    expect([it.settableLow(Msr.Ia32Debugctl) & 0x20, it.settableHigh(Msr.Ia32Debugctl)]).to.deep.equal([0, 0]);
    expect([it.settableLow(Msr.Ia32PerfGlobalCtrl), it.settableHigh(Msr.Ia32PerfGlobalCtrl)]).to.deep.equal([0xf, 7]);
    expect([it.settableLow(Msr.Ia32RtitCtl), it.settableHigh(Msr.Ia32RtitCtl)]).to.deep.equal([-1, -1]);
  });

  it('knows features and address widths from CPUID', () => {
    const { it, machine } = reader();
    expect(['sgx', 'rtm', 'cet', 'busLockDetect'].map((each) => it.hasFeature(each as never))).to.deep.equal([
      false,
      false,
      false,
      false,
    ]);
    machine.leaves.set(7, [0, (1 << 2) | (1 << 11), (1 << 7) | (1 << 24), 0]);
    expect(['sgx', 'rtm', 'cet', 'busLockDetect'].map((each) => it.hasFeature(each as never))).to.deep.equal([
      true,
      true,
      true,
      true,
    ]);
    expect([it.physicalAddressWidth, it.linearAddressWidth]).to.deep.equal([39, 48]);
  });

  it('knows the current VMCS and the kind of entry', () => {
    const { it, machine } = reader();
    expect(it.currentVmcs).to.equal(-1);
    machine.current = 0x1000n;
    expect(it.currentVmcs).to.equal(0x1000);
    expect([it.isLaunch, it.isLaunched]).to.deep.equal([true, false]);
    expect(reader(false).it.isLaunched).to.equal(true);
  });

  it('reads physical memory, the VMM’s and the guest’s; 0 where there is none', () => {
    const { it, manager, machine } = reader();
    const address = manager.alloc(4096);
    machine.memory.write32(address, 0x1234);
    expect(it.readPhysical32(Number(manager.virtualToPhysical(address)))).to.equal(0x1234);
    expect(it.readPhysical32(0x5000), 'no memory').to.equal(0);
    expect(it.readPhysical32(Number(guestTable)), "the guest's").to.equal(0x1234_5678);
    expect(it.readPhysical32(Number(guestTable) + 4)).to.equal(0x8765_4321);
  });
});
