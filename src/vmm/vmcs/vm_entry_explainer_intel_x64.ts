// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable, optional } from 'inversify';
import { Cpuid } from '../../intrinsics/instructions/cpuid.js';
import { Msrs } from '../../intrinsics/instructions/msr.js';
import { explainEntry, formatFailures, type WriteLocations } from '../../intrinsics/rules/explain_entry.js';
import { VmmMemory } from '../../intrinsics/instructions/vmm_memory.js';
import { Vmx } from '../../intrinsics/instructions/vmx.js';
import { ProcessorFacts } from '../processor_facts/processor_facts.js';
import { GuestMemory } from '../memory_manager/guest_memory.js';
import { MemoryManager } from '../memory_manager/memory_manager.js';
import type { VmEntryExplainer } from './vm_entry_explainer.js';
import { dumpVmcs } from './vmcs_dump.js';
import { VmcsWriteTrace } from '../vmcs_fields/vmcs_write_trace.js';
import { VmmEntryReader } from './vmm_entry_reader.js';

const traceAdvice = 'Run it again with --trace-vmcs: each field then says where the VMM wrote it last.';

/** Evaluates every VM-entry rule with the values of VMREAD, RDMSR and CPUID. */
@injectable()
export class VmEntryExplainerIntelX64 implements VmEntryExplainer {
  @inject(Vmx) protected readonly vmx!: Vmx;
  @inject(Msrs) protected readonly msrs!: Msrs;
  @inject(Cpuid) protected readonly cpuid!: Cpuid;
  @inject(ProcessorFacts) protected readonly facts!: ProcessorFacts;
  @inject(VmmMemory) protected readonly memory!: VmmMemory;
  @inject(MemoryManager) protected readonly manager!: MemoryManager;
  @inject(GuestMemory) protected readonly guestMemory!: GuestMemory;
  @inject(VmcsWriteTrace) @optional() protected readonly writeTrace: VmcsWriteTrace = { enabled: false };

  explain(isLaunch: boolean, writtenAt: WriteLocations): { readonly text: string; readonly names: readonly string[] } {
    const reader = this.reader(isLaunch);
    const failures = explainEntry(reader, writtenAt);
    const advice = this.writeTrace.enabled || failures.length === 0 ? '' : `\n${traceAdvice}`;
    return { text: `${formatFailures(failures)}${advice}`, names: failures.map((failure) => failure.rule.name) };
  }

  private reader(isLaunch: boolean): VmmEntryReader {
    const { vmx, msrs, cpuid, facts, memory, manager, guestMemory } = this;
    return new VmmEntryReader({ vmx, msrs, cpuid, facts, memory, manager, guestMemory }, isLaunch);
  }

  dump(): string {
    return dumpVmcs((field) => this.vmx.vmread(field));
  }
}
