// SPDX-License-Identifier: LGPL-2.1-only
// How a processor model's CPUID leaves and plain MSRs are in memory: CPUID_TABLE and MSR_TABLE. The build generates the AssemblyScript file
// model_tables.ts from this one.

/** Bytes of an entry of either table. */
export const MODEL_ENTRY_BYTES = 32;

/** Offsets in an entry of CPUID_TABLE, u32 each. */
export const CpuidEntry = { Leaf: 0, Subleaf: 4, Flags: 8, Eax: 16, Ebx: 20, Ecx: 24, Edx: 28 } as const;

/** Bits of CpuidEntry.Flags. */
export const CpuidEntryFlag = {
  /** The entry is of one subleaf only. */
  HasSubleaf: 1 << 0,
} as const;

/** Offsets in an entry of MSR_TABLE: u32 index and flags, u64 value, the bits that WRMSR writes, the bits whose change it ignores. */
export const MsrEntry = { Index: 0, Flags: 4, Value: 8, Writable: 16, Ignored: 24 } as const;

/** Bits of MsrEntry.Flags. */
export const MsrEntryFlag = {
  /** A write of what the MSR holds is no #GP, though no bit can be changed. */
  TakesItsValue: 1 << 0,
  /** RDMSR raises #GP. */
  WriteOnly: 1 << 1,
} as const;
