// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { msrContents, settableBits, type FeatureSource, type Halves } from '../../intrinsics/contents/msr_contents.js';
import { Cpuid } from '../../intrinsics/instructions/cpuid.js';
import { CpuidLeaf, cpuidRegisterNames } from '../../intrinsics/registers/cpuid_leaves.js';
import { ProcessorFault } from '../../intrinsics/errors.js';
import { Msrs } from '../../intrinsics/instructions/msr.js';
import { Msr } from '../../intrinsics/registers/msr_definitions.js';
import type { ProcessorFacts } from './processor_facts.js';
import { derived } from '../state/state.js';

/** From CPUID and RDMSR. */
@injectable()
export class ProcessorFactsX64 implements ProcessorFacts {
  @inject(Cpuid) protected readonly cpuid!: Cpuid;
  @inject(Msrs) protected readonly msrs!: Msrs;
  @derived() private readonly registers = new Uint32Array(cpuidRegisterNames.length);
  @derived() private settable: ReadonlyMap<number, Halves> | undefined;
  @derived() private addressSizes: number | undefined;
  @derived() private cr4Fixed1: number | undefined;

  get physicalAddressWidth(): number {
    return this.widths & 0xff;
  }

  get linearAddressWidth(): number {
    return (this.widths >>> 8) & 0xff;
  }

  get cr4Bits(): number {
    return (this.cr4Fixed1 ??= this.msrLow(Msr.Ia32VmxCr4Fixed1));
  }

  settableLow(msr: number): number {
    return (this.settableBitsOf(msr)?.low ?? 0xffffffff) | 0;
  }

  settableHigh(msr: number): number {
    return (this.settableBitsOf(msr)?.high ?? 0xffffffff) | 0;
  }

  private get widths(): number {
    return (this.addressSizes ??= this.leaf(CpuidLeaf.AddrSize, 0));
  }

  /** Only MSRs of the table get an entry, because a guest may use any number. */
  private settableBitsOf(msr: number): Halves | undefined {
    if (this.settable === undefined) {
      const source: FeatureSource = {
        cpuid: (leaf, register, subleaf) => this.leaf(leaf, cpuidRegisterNames.indexOf(register), subleaf),
        msrLow: (address) => this.msrLow(address),
      };
      this.settable = new Map(
        Object.keys(msrContents).map((key) => [Number(key) | 0, settableBits(Number(key), source)]),
      );
    }
    return this.settable.get(msr | 0);
  }

  private leaf(leaf: number, register: number, subleaf = 0): number {
    this.cpuid.cpuid(leaf, subleaf, this.registers);
    return this.registers[register]!;
  }

  private msrLow(address: number): number {
    try {
      return Number(this.msrs.rdmsr(address) & 0xffffffffn);
    } catch (error) {
      if (error instanceof ProcessorFault) return 0;
      throw error;
    }
  }
}
