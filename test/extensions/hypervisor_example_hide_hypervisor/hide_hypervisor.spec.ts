// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import {
  CpuidContribution,
  CpuidLeaf,
  ExitReason,
  FeatureInformationEcx,
  vcpuModule,
  Vector,
  VmcsField,
} from 'bareflank';
import hideHypervisor from '../../../extensions/hypervisor_example_hide_hypervisor/hide_hypervisor.js';
import { startedVmm } from '../../vmm/started_vmm.js';
import { runUnder } from '../extension_run.js';

/** What KVM announces: the bit, and its signature at the first leaf. */
const announcement = vcpuModule(({ bind }) =>
  bind(CpuidContribution).toConstantValue({
    name: 'announcement',
    leaves: [CpuidLeaf.FeatureInformation, 0x40000000],
    handleCpuid: (leaf, _subleaf, registers) => {
      if (leaf === CpuidLeaf.FeatureInformation) registers[2] = registers[2]! | FeatureInformationEcx.Hypervisor;
      else registers.set([0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d]);
      return false;
    },
  }),
);

function guestOf(modules: Parameters<typeof startedVmm>[0]) {
  const { machine, vmm } = startedVmm(modules);
  machine.driverContext = false;
  machine.leaves.set(0xd, [7, 0x340, 0x340, 0]); // the highest basic leaf of the fake
  const { halves } = machine.generalRegisters;
  return {
    machine,
    cpuid: (leaf: number): number[] => {
      [halves[0], halves[2]] = [leaf, 0];
      machine.exit(ExitReason.Cpuid);
      return [halves[0]!, halves[6]!, halves[2]!, halves[4]!];
    },
    /** Makes the guest execute an instruction that exits. @returns the vector that is injected, if any. */
    injectedBy: (reason: ExitReason, ecx = 0): bigint | undefined => {
      halves[2] = ecx;
      machine.fields.set(VmcsField.VmEntryInterruptionInformationField, 0n);
      machine.exit(reason);
      const information = machine.fields.get(VmcsField.VmEntryInterruptionInformationField)!;
      return information >> 31n === 1n ? information & 0xffn : undefined;
    },
    hidden: () => vmm.vcpuManager.reports()['hide-hypervisor'],
  };
}

describe('HideHypervisor', () => {
  it('hides the hypervisor bit that another extension sets', () => {
    const bitOf = (guest: ReturnType<typeof guestOf>): number =>
      guest.cpuid(CpuidLeaf.FeatureInformation)[2]! & FeatureInformationEcx.Hypervisor;
    expect(bitOf(guestOf([announcement]))).to.not.equal(0);
    const guest = guestOf([announcement, hideHypervisor]);
    expect(bitOf(guest)).to.equal(0);
    expect(guest.hidden()).to.deep.include({ 'hypervisor bits': 1 });
  });

  it('answers leaves 40000000H to 4FFFFFFFH as the highest basic leaf', () => {
    const announced = guestOf([announcement]).cpuid(0x40000000);
    expect(announced[1]).to.equal(0x4b4d564b);
    const guest = guestOf([announcement, hideHypervisor]);
    for (const leaf of [0x40000000, 0x40000001, 0x40000100, 0x4fffffff])
      expect(guest.cpuid(leaf), leaf.toString(16)).to.deep.equal([7, 0x340, 0x340, 0]);
    expect(guest.cpuid(0x3fffffff)).to.deep.equal([0, 0, 0, 0]);
    expect(guest.cpuid(0x50000000)).to.deep.equal([0, 0, 0, 0]);
    expect(guest.hidden()).to.deep.include({ leaves: 4 });
  });

  it('lets the MSRs of hypervisors raise #GP, also where the processor has them', () => {
    const guest = guestOf([hideHypervisor]);
    guest.machine.msr.set(0x40000000, 5n).set(0x40000100, 5n);
    const fault = BigInt(Vector.GeneralProtection);
    for (const msr of [0x40000000, 0x400000ff])
      for (const reason of [ExitReason.Rdmsr, ExitReason.Wrmsr])
        expect(guest.injectedBy(reason, msr), `${reason} of ${msr.toString(16)}`).to.equal(fault);
    expect(guest.injectedBy(ExitReason.Rdmsr, 0x40000100)).to.equal(undefined);
    expect(guest.machine.msr.get(0x40000000)).to.equal(5n);
    expect(guest.hidden()).to.deep.include({ MSRs: 4 });
  });

  it('lets VMCALL raise #UD, but not the driver’s', () => {
    const guest = guestOf([hideHypervisor]);
    expect(guest.injectedBy(ExitReason.Vmcall)).to.equal(BigInt(Vector.InvalidOpcode));
    guest.machine.driverContext = true;
    expect(guest.injectedBy(ExitReason.Vmcall)).to.equal(undefined);
    expect(guest.hidden()).to.deep.include({ VMCALLs: 1 });
  });

  it('shows a guest the same processor as without a VMM, and can be stopped', async () => {
    const store = (at: number): string[] => [`mov [rdi + ${at}], eax`, `mov [rdi + ${at + 4}], ecx`];
    const ask = (leaf: number, at: number): string[] => [`mov eax, ${leaf}`, 'xor ecx, ecx', 'cpuid', ...store(at)];
    const code = [
      'mov rdi, rbx',
      ...ask(CpuidLeaf.FeatureInformation, 0),
      ...ask(0x40000000, 8),
      'mov eax, 0',
      'cpuid',
      'xor ecx, ecx',
      'cpuid', // EAX has the highest basic leaf
      ...store(16),
    ];
    const { results, reports } = await runUnder('hide_hypervisor', code);
    expect((results[0]! >> 32n) & BigInt(FeatureInformationEcx.Hypervisor)).to.equal(0n);
    expect(results[1]).to.equal(results[2]).and.to.not.equal(0n);
    expect(reports).to.deep.equal({ 'hide-hypervisor': { 'hypervisor bits': 0, leaves: 1, MSRs: 0, VMCALLs: 0 } });
  });
});
