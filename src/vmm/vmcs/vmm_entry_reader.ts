// SPDX-License-Identifier: LGPL-2.1-only
import { unsignedBits } from '../support/unsigned_bits.js';
import type { RegisterFacts } from '../../intrinsics/contents/register_facts.js';
import type { Cpuid } from '../../intrinsics/instructions/cpuid.js';
import {
  CpuidLeaf,
  ExtendedFeatureFlagsEbx,
  ExtendedFeatureFlagsEcx,
} from '../../intrinsics/registers/cpuid_leaves.js';
import { ProcessorFault } from '../../intrinsics/errors.js';
import type { Msrs } from '../../intrinsics/instructions/msr.js';
import type { EntryReader, RuleFeature } from '../../intrinsics/rules/entry_rule.js';
import type { VmmMemory } from '../../intrinsics/instructions/vmm_memory.js';
import type { Vmx } from '../../intrinsics/instructions/vmx.js';
import type { GuestMemory } from '../memory_manager/guest_memory.js';
import type { MemoryManager } from '../memory_manager/memory_manager.js';

/** The sources of the reader. */
export interface EntryReaderSources {
  readonly vmx: Vmx;
  readonly msrs: Msrs;
  readonly cpuid: Cpuid;
  readonly facts: RegisterFacts;
  readonly memory: VmmMemory;
  readonly manager: MemoryManager;
  readonly guestMemory: Pick<GuestMemory, 'readPhysical64'>;
}

/** The VM-entry rules' inputs, as far as a VMM can read them. */
export class VmmEntryReader implements EntryReader {
  readonly inIa32eMode = true;
  readonly inSmm = false;
  readonly isTracing = false;
  // The VMM resumes what it launched and launches what it cleared; the processor names errors 4 and 5 itself.
  readonly isLaunched: boolean;
  readonly isBlockedByMovSs = false;
  private readonly registers = new Uint32Array(4);

  constructor(
    private readonly sources: EntryReaderSources,
    readonly isLaunch: boolean,
  ) {
    this.isLaunched = !isLaunch;
  }

  low(field: number): number {
    return Number((this.sources.vmx.vmread(field) ?? 0n) & 0xffffffffn);
  }

  high(field: number): number {
    return Number((this.sources.vmx.vmread(field) ?? 0n) >> 32n);
  }

  capabilityLow(msr: number): number {
    return Number(this.msr(msr) & 0xffffffffn);
  }

  capabilityHigh(msr: number): number {
    return Number(this.msr(msr) >> 32n);
  }

  settableLow(msr: number): number {
    return this.sources.facts.settableLow(msr);
  }

  settableHigh(msr: number): number {
    return this.sources.facts.settableHigh(msr);
  }

  hasFeature(feature: RuleFeature): boolean {
    const ebx = this.leaf(CpuidLeaf.ExtendedFeatureFlags, 1);
    const ecx = this.leaf(CpuidLeaf.ExtendedFeatureFlags, 2);
    switch (feature) {
      case 'sgx':
        return (ebx & ExtendedFeatureFlagsEbx.Sgx) !== 0;
      case 'rtm':
        return (ebx & ExtendedFeatureFlagsEbx.Rtm) !== 0;
      case 'cet':
        return (ecx & ExtendedFeatureFlagsEcx.CetSs) !== 0;
      case 'busLockDetect':
        return (ecx & ExtendedFeatureFlagsEcx.BusLockDetect) !== 0;
    }
  }

  get physicalAddressWidth(): number {
    return this.sources.facts.physicalAddressWidth;
  }

  get linearAddressWidth(): number {
    return this.sources.facts.linearAddressWidth;
  }

  get currentVmcs(): number {
    const pointer = this.sources.vmx.vmptrst();
    return pointer === 0xffffffffffffffffn ? -1 : Number(pointer);
  }

  readPhysical32(address: number): number {
    const { memory, manager } = this.sources;
    let virtual: bigint;
    try {
      virtual = manager.physicalToVirtual(BigInt(address));
    } catch {
      return this.readGuest32(address);
    }
    return memory.read32(virtual);
  }

  /** Memory that is not the VMM's: without EPT, the PDPTEs of a guest are in its own. 0 where there is none. */
  private readGuest32(address: number): number {
    try {
      const both = this.sources.guestMemory.readPhysical64(BigInt(address - (address % 8)));
      return Number(unsignedBits(32, address % 8 === 0 ? both : both >> 32n));
    } catch {
      return 0;
    }
  }

  private leaf(leaf: number, register: number): number {
    this.sources.cpuid.cpuid(leaf, 0, this.registers);
    return this.registers[register]!;
  }

  private msr(address: number): bigint {
    try {
      return this.sources.msrs.rdmsr(address);
    } catch (error) {
      if (error instanceof ProcessorFault) return 0n; // The processor lacks what the MSR would describe.
      throw error;
    }
  }
}
