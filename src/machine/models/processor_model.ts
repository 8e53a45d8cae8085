// SPDX-License-Identifier: LGPL-2.1-only

/** One CPUID leaf. Without a subleaf it answers for every ECX. Registers are unsigned 32-bit numbers. */
export interface CpuidLeafValues {
  readonly leaf: number;
  readonly subleaf?: number;
  readonly eax: number;
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
}

/** An MSR that needs no rule of its own: a constant, or plain storage. */
export interface PlainMsr {
  readonly address: number;
  readonly value: bigint;
  /** Bits that WRMSR may change. With 0, only a write of the present value is not #GP. Absent: read-only, each WRMSR raises #GP. */
  readonly writable?: bigint;
  /** Bits whose change WRMSR ignores instead of raising #GP. */
  readonly ignored?: bigint;
  /** RDMSR raises #GP. */
  readonly isWriteOnly?: boolean;
}

/** What distinguishes one processor model from another, as data. */
export interface ProcessorModel {
  /** As `--cpu` has it. */
  readonly name: string;
  /** Generation, family and model. */
  readonly title: string;
  /** The processor after which it is modelled. */
  readonly realProcessor: string;
  /** The file in this folder with that processor's dump. */
  readonly dump: string;
  /** MAXPHYADDR in bits, at most 46. */
  readonly physicalAddressBits: number;
  /** Bits that CR4 may have: those of the features that the leaves announce. */
  readonly cr4Allowed: number;
  /** Core crystal clock in Hz: CPUID leaf 15H, clock of the local APIC timer. */
  readonly crystalHz: number;
  /** RDX after reset: family, model, stepping. */
  readonly signature: number;
  readonly cpuid: readonly CpuidLeafValues[];
  readonly msrs: readonly PlainMsr[];
}

/** Bits by position, as an unsigned 32-bit number. */
export function bitsAt(...positions: number[]): number {
  return positions.reduce((value, position) => (value | (1 << position)) >>> 0, 0);
}

/** The three leaves 8000_0002H … 8000_0004H of a brand string of at most 47 characters. */
export function brandLeaves(brand: string): CpuidLeafValues[] {
  const bytes = new Uint8Array(48);
  for (let i = 0; i < Math.min(brand.length, 47); i++) bytes[i] = brand.charCodeAt(i);
  const words = new Uint32Array(bytes.buffer);
  return [0, 1, 2].map((n) => ({
    leaf: 0x80000002 + n,
    eax: words[n * 4]!,
    ebx: words[n * 4 + 1]!,
    ecx: words[n * 4 + 2]!,
    edx: words[n * 4 + 3]!,
  }));
}
