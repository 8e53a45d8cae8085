// SPDX-License-Identifier: LGPL-2.1-only
// The forms of values that WRMSR accepts. The core's build compiles these functions too (src/machine/generator/emit_contents.ts): numbers are 32-bit
// integers, signed or unsigned, and a body uses nothing else. SDM 4 "Model-Specific Registers (MSRs)".
import { MtrrDefType, MtrrPhysbase, MtrrPhysmask } from '../registers/msr_definitions.js';
import { Cr0, Efer, MemoryType } from '../registers/registers.js';

/** Types that an entry of IA32_PAT may have; bit n is set for type n. SDM 3A "Page Attribute Table (PAT)". */
export const PAT_TYPES = Object.values(MemoryType).reduce<number>((all, type) => all | (1 << type), 0);

/** Types that an MTRR may have. SDM 3A "Memory Type Range Registers (MTRRs)". */
export const MTRR_TYPES = PAT_TYPES & ~(1 << MemoryType.UncacheableMinus);

/** The pairs of IA32_MTRR_PHYSBASEn and IA32_MTRR_PHYSMASKn that the tables know: IA32_MTRRCAP.VCNT of the processors so far. */
export const MTRR_PAIRS = 10;

/** Whether bits 63:32 of an address fit to a canonical one: they are the sign of its highest bit. Precondition: the width is above 32. */
export function isCanonicalHigh(high: number, linearAddressWidth: number): boolean {
  const top = high >> (linearAddressWidth - 33);
  return top === 0 || top === -1;
}

/** The bits that a memory type has. */
export const MEMORY_TYPE_BITS = 7;

/** Whether a byte is one of the memory types of `types`. */
export function isMemoryType(type: number, types: number): boolean {
  return (type & MEMORY_TYPE_BITS) === type && ((types >> type) & 1) !== 0;
}

/** Whether each byte of half an MSR is one of the memory types of `types`. */
export function areMemoryTypes(half: number, types: number): boolean {
  for (let at = 0; at < 32; at += 8) if (!isMemoryType((half >>> at) & 0xff, types)) return false;
  return true;
}

/** Whether bits 63:32 have none beyond the physical-address width. */
export function isPhysicalHigh(high: number, physicalAddressWidth: number): boolean {
  return high >>> (physicalAddressWidth - 32) === 0;
}

/** IA32_MTRR_DEF_TYPE. */
export function isMtrrDefType(low: number, high: number): boolean {
  const reserved = ~(MtrrDefType.Type | MtrrDefType.FixedRangeEnable | MtrrDefType.Enable);
  return high === 0 && (low & reserved) === 0 && isMemoryType(low & MtrrDefType.Type, MTRR_TYPES);
}

/** IA32_MTRR_PHYSBASEn. */
export function isMtrrPhysbase(low: number, high: number, physicalAddressWidth: number): boolean {
  const isType = isMemoryType(low & MtrrPhysbase.Type, MTRR_TYPES);
  return isType && (low & MtrrPhysbase.Reserved) === 0 && isPhysicalHigh(high, physicalAddressWidth);
}

/** IA32_MTRR_PHYSMASKn. */
export function isMtrrPhysmask(low: number, high: number, physicalAddressWidth: number): boolean {
  return (low & MtrrPhysmask.Reserved) === 0 && isPhysicalHigh(high, physicalAddressWidth);
}

/** Whether WRMSR may put `next` into IA32_EFER: LME does not change while paging is on. SDM 3A "Enabling and Disabling IA-32e Mode". */
export function mayChangeEfer(old: number, next: number, cr0: number): boolean {
  return ((old ^ next) & Efer.Lme) === 0 || (cr0 & Cr0.Paging) === 0;
}

/** What WRMSR leaves in IA32_EFER: LMA is read-only. */
export function eferAfter(old: number, written: number): number {
  return (written & ~Efer.Lma) | (old & Efer.Lma);
}
