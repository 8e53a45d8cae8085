// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { SecondaryControl } from '../../intrinsics/vmx/control_bits.js';
import { Cpuid } from '../../intrinsics/instructions/cpuid.js';
import { CpuidLeaf } from '../../intrinsics/registers/cpuid_leaves.js';
import { ExitReason } from '../../intrinsics/vmx/exit_reasons.js';
import { Msrs } from '../../intrinsics/instructions/msr.js';
import { EptCapability, Msr, msrName } from '../../intrinsics/registers/msr_definitions.js';
import { qualificationText } from '../../intrinsics/texts/qualification_text.js';
import { brokenMsrLoadRule, msrLoadValueRule } from '../../intrinsics/rules/msr_load_rules.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { VmmMemory } from '../../intrinsics/instructions/vmm_memory.js';
import { Ept } from '../ept/ept.js';
import { eptWalkText, walkEpt } from '../../intrinsics/texts/ept_walk.js';
import { MemoryManagerError } from '../errors.js';
import { MemoryManager } from '../memory_manager/memory_manager.js';
import { hex } from '../support/text.js';
import type { Exit } from './exit.js';
import type { ExitExplainer } from './exit_explainer.js';

const msrEntryBytes = 16n;
/** Why the VMM cannot read an address. */
const NOT_ALLOCATED = 'the VMM did not allocate this memory';

/** Decodes exits from VMREAD, RDMSR, CPUID and the VMM's own memory. */
@injectable()
export class ExitExplainerIntelX64 implements ExitExplainer {
  @inject(Cpuid) protected readonly cpuid!: Cpuid;
  @inject(Ept) protected readonly ept!: Ept;
  @inject(MemoryManager) protected readonly manager!: MemoryManager;
  @inject(VmmMemory) protected readonly memory!: VmmMemory;
  @inject(Msrs) protected readonly msrs!: Msrs;

  explain(exit: Exit): string[] {
    const decoded = qualificationText(exit.reason, exit.qualification);
    const lines = decoded.length === 0 ? [] : [`the qualification says: ${decoded.join(', ')}`];
    if (exit.reason === ExitReason.EptViolation || exit.reason === ExitReason.EptMisconfiguration)
      lines.push(...this.explainEpt(exit));
    if (exit.reason === ExitReason.VmEntryFailureMsrLoading) lines.push(this.explainMsrLoading(exit));
    return lines;
  }

  private explainEpt({ vmcs, guestPhysicalAddress }: Exit): string[] {
    const pointer = vmcs.read(VmcsField.EptPointer);
    const name = this.ept.viewOf(pointer)?.name;
    const map = name === undefined ? `the map with EPT pointer ${hex(pointer)}` : `EPT view '${name}'`;
    const rules = {
      physicalAddressWidth: this.physicalAddressWidth(),
      hasExecuteOnly: this.hasExecuteOnly(),
      hasModeBasedExecute: vmcs.isEnabled('secondary', SecondaryControl.ModeBasedExecuteControlForEpt),
    };
    const steps = walkEpt(pointer, guestPhysicalAddress, rules, (physical) => this.readIfAllocated(physical));
    return [
      `${map} translates ${hex(guestPhysicalAddress)} by:`,
      ...eptWalkText(steps, rules, NOT_ALLOCATED).map((line) => `  ${line}`),
    ];
  }

  /** The qualification is the number of the entry, from 1. SDM 3C "VM-Entry Failures During or After Loading Guest State". */
  private explainMsrLoading({ vmcs, qualification }: Exit): string {
    const at = vmcs.read(VmcsField.VmEntryMsrLoadAddress) + (qualification - 1n) * msrEntryBytes;
    const [head, value] = [this.readIfAllocated(at), this.readIfAllocated(at + 8n)];
    if (head === undefined || value === undefined)
      return `entry ${qualification} of the VM-entry MSR-load area is at ${hex(at)}, which cannot be read: ${NOT_ALLOCATED}`;
    const [index, reserved] = [Number(head & 0xffffffffn), Number(head >> 32n)];
    const { wants, section } = brokenMsrLoadRule(index, reserved, false) ?? msrLoadValueRule;
    return `entry ${qualification} of the VM-entry MSR-load area loads MSR ${hex(index)} (${msrName(index)}) with ${hex(value)}; the processor wants ${wants}. ${section}`;
  }

  /** What the processor reads may be anywhere: extensions write EPT entries and addresses in the VMCS. */
  private readIfAllocated(physical: bigint): bigint | undefined {
    try {
      return this.memory.read64(this.manager.physicalToVirtual(physical));
    } catch (error) {
      if (error instanceof MemoryManagerError) return undefined;
      throw error;
    }
  }

  private physicalAddressWidth(): number {
    const registers = new Uint32Array(4);
    this.cpuid.cpuid(CpuidLeaf.AddrSize, 0, registers);
    return registers[0]! & 0xff;
  }

  private hasExecuteOnly(): boolean {
    return (Number(this.msrs.rdmsr(Msr.Ia32VmxEptVpidCap) & 0xffffffffn) & EptCapability.ExecuteOnlyTranslation) !== 0;
  }
}
