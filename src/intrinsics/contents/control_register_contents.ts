// SPDX-License-Identifier: LGPL-2.1-only
// What MOV to control and debug registers and XSETBV accept; anything else raises #GP(0). SDM 2B "MOV—Move to/from Control Registers", SDM 3A
// "Control Registers". The core's build compiles these functions too (src/machine/generator/emit_contents.ts): numbers are 32-bit integers, signed
// or unsigned, and a body uses nothing else.
import { InvpcidType, PCID_BITS } from '../registers/paging.js';
import { PageTableEntry } from '../structures/memory_structures.js';
import { AccessRights, Cr0, Cr4, Dr6, Dr7, Efer, SystemSegment, Xcr0 } from '../registers/registers.js';
import { isCanonicalHigh, isPhysicalHigh } from './msr_values.js';

/** The bits of CR0 that exist. MOV to CR0 ignores the others of bits 31:0. */
export const CR0_BITS = Object.values(Cr0).reduce((all, bit) => all | bit, 0);

/** Bits of CR0 and CR4 whose change makes the processor reload the PDPTEs of PAE paging. SDM 3A "PDPTE Registers". */
export const PDPTE_LOADING_CR0 = Cr0.Paging | Cr0.CacheDisable | Cr0.NotWriteThrough;
export const PDPTE_LOADING_CR4 =
  Cr4.PhysicalAddressExtensions | Cr4.PageGlobalEnable | Cr4.PageSizeExtensions | Cr4.SmepEnableBit;

/** The bits of DR6 that MOV writes on a processor without bus-lock detection and RTM, and those that it then leaves 1. */
export const DR6_BITS = Dr6.B0 | Dr6.B1 | Dr6.B2 | Dr6.B3 | Dr6.BD | Dr6.BS | Dr6.BT;
export const DR6_ONES = 0xffff0ff0;

/** The bits of DR7 that MOV writes on a processor without RTM, and the one that it then leaves 1. */
export const DR7_ONES = Dr7.Reserved1;
export const DR7_BITS = Object.values(Dr7).reduce((all, bit) => all | bit, 0) & ~(DR7_ONES | Dr7.Rtm);

/** The bits of DR7 that enable breakpoints. */
export const DR7_ENABLES = Dr7.L0 | Dr7.G0 | Dr7.L1 | Dr7.G1 | Dr7.L2 | Dr7.G2 | Dr7.L3 | Dr7.G3;

/** A PDPTE's bits 2:1 and 8:5, which are reserved while it is present. SDM 3A "PAE Paging". */
export const PDPTE_RESERVED_LOW = 0x1e6;

/** Bit 63 of what MOV to CR3 writes, in the upper half: translations are kept. SDM 3A "Operations that Invalidate TLBs and Paging-Structure Caches". */
export const CR3_KEEPS_TRANSLATIONS_HIGH = 0x80000000;

/** Whether MOV to CR0 accepts a value, as far as the value alone decides. */
export function isCr0(low: number, high: number): boolean {
  if (high !== 0) return false;
  if ((low & Cr0.Paging) !== 0 && (low & Cr0.ProtectionEnable) === 0) return false;
  return (low & Cr0.NotWriteThrough) === 0 || (low & Cr0.CacheDisable) !== 0;
}

/** Whether MOV to CR0 may set PG while IA32_EFER.LME is 1. SDM 3A "Initializing IA-32e Mode". */
export function mayEnterIa32eMode(cr4: number, csRights: number, trRights: number): boolean {
  if ((cr4 & Cr4.PhysicalAddressExtensions) === 0 || (csRights & AccessRights.L) !== 0) return false;
  const type = trRights & AccessRights.Type;
  return type !== SystemSegment.Tss16Available && type !== SystemSegment.Tss16Busy;
}

/** Whether MOV to CR0 may clear PG. @param isIa32e IA32_EFER.LMA is 1. */
export function mayLeavePaging(cr4: number, csRights: number, isIa32e: boolean): boolean {
  return (cr4 & Cr4.PcidEnableBit) === 0 && (!isIa32e || (csRights & AccessRights.L) === 0);
}

/**
 * Whether MOV to CR3 accepts bits 63:32 of a value in IA-32e mode. Outside IA-32e mode there are none.
 * SDM 3A "Paging-Structure Entries": bits from the physical-address width on are reserved; bit 63 keeps translations if CR4.PCIDE is 1.
 */
export function isCr3High(high: number, cr4: number, physicalAddressWidth: number): boolean {
  const address = (cr4 & Cr4.PcidEnableBit) !== 0 ? high & ~CR3_KEEPS_TRANSLATIONS_HIGH : high;
  return isPhysicalHigh(address, physicalAddressWidth);
}

/**
 * Whether MOV to CR4 accepts a value, as far as value and mode decide.
 * @param allowed the bits of CR4 that the processor has. @param isIa32e IA32_EFER.LMA is 1.
 */
export function isCr4(low: number, high: number, allowed: number, isIa32e: boolean): boolean {
  if (high !== 0 || (low & ~allowed) !== 0) return false;
  return isIa32e ? (low & Cr4.PhysicalAddressExtensions) !== 0 : (low & Cr4.PcidEnableBit) === 0;
}

/** Whether MOV to CR4 may change PCIDE, as far as CR3 decides: the PCID must be 0 while it is turned on. */
export function mayChangePcide(low: number, old: number, cr3: number): boolean {
  return (low & ~old & Cr4.PcidEnableBit) === 0 || (cr3 & PCID_BITS) === 0;
}

/**
 * Whether INVPCID takes its operands: the type, bits 63:0 of the descriptor, and bits 63:32 of its linear address.
 * SDM 2A "INVPCID—Invalidate Process-Context Identifier".
 */
export function isInvpcid(
  typeLow: number,
  typeHigh: number,
  low: number,
  high: number,
  linearHigh: number,
  cr4: number,
  linearAddressWidth: number,
): boolean {
  if (typeHigh !== 0 || (typeLow & ~InvpcidType.AllContextsRetainingGlobals) !== 0) return false;
  if (high !== 0 || (low & ~PCID_BITS) !== 0) return false;
  if (typeLow === InvpcidType.IndividualAddress && !isCanonicalHigh(linearHigh, linearAddressWidth)) return false;
  const isOfOnePcid = typeLow === InvpcidType.IndividualAddress || typeLow === InvpcidType.SingleContext;
  return !isOfOnePcid || low === 0 || (cr4 & Cr4.PcidEnableBit) !== 0;
}

/** Whether MOV to CR8 takes a value. */
export function isCr8(low: number, high: number): boolean {
  return high === 0 && (low & ~0xf) === 0;
}

/** DR6 after MOV to DR6, whose bits 63:32 must be 0. SDM 3B "Debug Status Register (DR6)". */
export function dr6After(low: number): number {
  return (low & DR6_BITS) | DR6_ONES;
}

/** DR7 after MOV to DR7, whose bits 63:32 must be 0. SDM 3B "Debug Control Register (DR7)". */
export function dr7After(low: number): number {
  return (low & DR7_BITS) | DR7_ONES;
}

/** Whether XSETBV takes a value of XCR0. @param supported the components in bits 31:0 that the processor has; there are none in 63:32. */
export function isXcr0(low: number, high: number, supported: number): boolean {
  return high === 0 && (low & Xcr0.X87) !== 0 && (low & ~supported) === 0;
}

/** Whether PAE paging outside IA-32e mode is on, whose PDPTEs are in registers. */
export function usesPdptes(cr0: number, cr4: number, efer: number): boolean {
  return (cr0 & Cr0.Paging) !== 0 && (cr4 & Cr4.PhysicalAddressExtensions) !== 0 && (efer & Efer.Lma) === 0;
}

/** Whether a PDPTE may be loaded: it is not present, or no reserved bit is 1. */
export function isPdpte(low: number, high: number, physicalAddressWidth: number): boolean {
  if ((low & PageTableEntry.Present) === 0) return true;
  return (low & PDPTE_RESERVED_LOW) === 0 && isPhysicalHigh(high, physicalAddressWidth);
}

/** Physical address of the four PDPTEs, of bits 31:0 of CR3. */
export function pdpteTable(cr3: number): number {
  return (cr3 & 0xffffffe0) >>> 0;
}
