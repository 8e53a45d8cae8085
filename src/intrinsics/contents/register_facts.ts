// SPDX-License-Identifier: LGPL-2.1-only

/** The facts about a processor that decide which values its registers may hold. Halves are 32-bit numbers, signed or unsigned. */
export interface RegisterFacts {
  /** MAXPHYADDR. CPUID.80000008H:EAX[7:0]. */
  readonly physicalAddressWidth: number;
  /** CPUID.80000008H:EAX[15:8]. */
  readonly linearAddressWidth: number;
  /** Bits 31:0 of an MSR that WRMSR accepts as 1: `settableBits`. */
  settableLow(msr: number): number;
  /** Bits 63:32 of an MSR that WRMSR accepts as 1. */
  settableHigh(msr: number): number;
}
