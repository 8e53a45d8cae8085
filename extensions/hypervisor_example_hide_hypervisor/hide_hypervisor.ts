// SPDX-License-Identifier: LGPL-2.1-only
import { Cpuid, CpuidContribution, CpuidLeaf, ExitContribution, ExitReason, FeatureInformationEcx } from 'bareflank';
import { MsrContribution, Processor, ReportContribution, state, vcpuModule, Vector, type Exit } from 'bareflank';
import { inject, injectable } from 'inversify';

/** Leaves that no processor has. Hypervisors answer them. SDM 2A "CPUID—CPU Identification". */
const HYPERVISOR_LEAVES = { first: 0x40000000, last: 0x4fffffff };
/** MSRs that no processor has. SDM 4 "Architectural MSRs". */
const HYPERVISOR_MSRS = { first: 0x40000000, count: 0x100 };
const [rax, rcx] = [0, 2];

/**
 * Makes the guest's processor answer as one without a hypervisor, whatever the processor or another extension announces: hypervisor bit, leaves from
 * 40000000H, MSRs from 40000000H, VMCALL.
 */
@injectable()
export class HideHypervisor implements CpuidContribution, ExitContribution, MsrContribution, ReportContribution {
  @inject(Cpuid) readonly cpuid!: Cpuid;
  @inject(Processor) readonly processor!: Processor;
  readonly name = 'hide-hypervisor';
  readonly reasons = [ExitReason.Cpuid, ExitReason.Vmcall];
  readonly leaves = [CpuidLeaf.FeatureInformation];
  readonly msrs = Array.from({ length: HYPERVISOR_MSRS.count }, (_, index) => HYPERVISOR_MSRS.first + index);
  @state() private bits = 0;
  @state() private leavesAsked = 0;
  @state() private msrsAsked = 0;
  @state() private vmcalls = 0;

  handleExit(exit: Exit): boolean {
    return exit.reason === ExitReason.Vmcall ? this.refuseVmcall(exit) : this.chooseLeaf(exit);
  }

  handleCpuid(_leaf: number, _subleaf: number, registers: Uint32Array): boolean {
    if ((registers[rcx]! & FeatureInformationEcx.Hypervisor) === 0) return false;
    registers[rcx] = registers[rcx]! & ~FeatureInformationEcx.Hypervisor;
    this.bits++;
    return false;
  }

  handleMsrRead(_msr: number, exit: Exit): bigint | undefined {
    this.refuseMsr(exit);
    return undefined;
  }

  handleMsrWrite(_msr: number, _value: bigint, exit: Exit): boolean {
    this.refuseMsr(exit);
    return true;
  }

  report(): Record<string, number> {
    const { bits, leavesAsked, msrsAsked, vmcalls } = this;
    return { 'hypervisor bits': bits, leaves: leavesAsked, MSRs: msrsAsked, VMCALLs: vmcalls };
  }

  /** A leaf beyond the highest basic one answers as the highest basic one. The base executes CPUID for that leaf instead. */
  private chooseLeaf(exit: Exit): boolean {
    const { halves } = exit.registers;
    const leaf = halves[rax]!;
    if (leaf < HYPERVISOR_LEAVES.first || leaf > HYPERVISOR_LEAVES.last) return false;
    const answer = new Uint32Array(4);
    this.cpuid.cpuid(CpuidLeaf.VendorIdentification, 0, answer);
    halves[rax] = answer[0]!;
    this.leavesAsked++;
    return false;
  }

  /** Without VMX operation, VMCALL raises #UD. The driver's own VMCALLs start and stop the VMM. */
  private refuseVmcall(exit: Exit): boolean {
    if (this.processor.isDriverContext()) return false;
    exit.inject(Vector.InvalidOpcode);
    this.vmcalls++;
    return true;
  }

  private refuseMsr(exit: Exit): void {
    exit.inject(Vector.GeneralProtection, 0);
    this.msrsAsked++;
  }
}

export default vcpuModule(({ bind }) => {
  bind(HideHypervisor).toSelf();
  for (const point of [CpuidContribution, ExitContribution, MsrContribution, ReportContribution])
    bind<unknown>(point).toService(HideHypervisor);
});
