// SPDX-License-Identifier: LGPL-2.1-only
// Conditions that guest and host state share.
import { Cr0, Cr4, Efer } from '../registers/registers.js';
import { Msr } from '../registers/msr_definitions.js';
import type { EntryReader } from './entry_rule.js';

// NW and CD are not checked: VM entry and exit leave them as they are.
const UNCHECKED_CR0 = Cr0.NotWriteThrough | Cr0.CacheDisable;

/** CR0 has the bits that are fixed in VMX operation, except those of `free`. SDM 3D "VMX-Fixed Bits in CR0". */
export function obeysCr0Fixed(reader: EntryReader, field: number, free: number): boolean {
  const low = reader.low(field);
  const unchecked = UNCHECKED_CR0 | free;
  const missing = reader.capabilityLow(Msr.Ia32VmxCr0Fixed0) & ~low & ~unchecked;
  const excess = low & ~reader.capabilityLow(Msr.Ia32VmxCr0Fixed1) & ~unchecked;
  return (missing | excess | (reader.high(field) & ~reader.capabilityHigh(Msr.Ia32VmxCr0Fixed1))) === 0;
}

/** CR4 has the bits that are fixed in VMX operation. SDM 3D "VMX-Fixed Bits in CR4". */
export function obeysCr4Fixed(reader: EntryReader, field: number): boolean {
  const low = reader.low(field);
  const missing = reader.capabilityLow(Msr.Ia32VmxCr4Fixed0) & ~low;
  const excess = low & ~reader.capabilityLow(Msr.Ia32VmxCr4Fixed1);
  return (missing | excess | (reader.high(field) & ~reader.capabilityHigh(Msr.Ia32VmxCr4Fixed1))) === 0;
}

/** No bit is 1 that WRMSR to this MSR would refuse. */
export function isSettable(reader: EntryReader, field: number, msr: number): boolean {
  return ((reader.low(field) & ~reader.settableLow(msr)) | (reader.high(field) & ~reader.settableHigh(msr))) === 0;
}

/** CR4.CET needs CR0.WP. */
export function isCetWithWriteProtect(reader: EntryReader, cr0: number, cr4: number): boolean {
  return (reader.low(cr4) & Cr4.ControlFlowEnforcement) === 0 || (reader.low(cr0) & Cr0.WriteProtect) !== 0;
}

// LMA is never writable by WRMSR, but belongs to the field.
/** IA32_EFER has no reserved bit, LMA says `isLong`, and LME does so too while paging is on. */
export function isEfer(reader: EntryReader, field: number, isLong: boolean, isPaging: boolean): boolean {
  const low = reader.low(field);
  const reserved =
    (low & ~(reader.settableLow(Msr.Ia32Efer) | Efer.Lma)) | (reader.high(field) & ~reader.settableHigh(Msr.Ia32Efer));
  const lma = (low & Efer.Lma) !== 0;
  const lme = (low & Efer.Lme) !== 0;
  return reserved === 0 && lma === isLong && (!isPaging || lme === isLong);
}

/** IA32_S_CET: bits 9:6 are 0, SUPPRESS and TRACKER (bits 10 and 11) are not both 1. */
export function isSCet(low: number): boolean {
  return (low & 0x3c0) === 0 && (low & 0xc00) !== 0xc00;
}
