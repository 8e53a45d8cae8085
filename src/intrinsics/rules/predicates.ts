// SPDX-License-Identifier: LGPL-2.1-only
// Conditions that several rules share. All arithmetic is on 32-bit halves, so that a rule that holds allocates nothing.
import { isCanonicalHigh } from '../contents/msr_values.js';
import { PrimaryControl, SecondaryControl } from '../vmx/control_bits.js';
import { VmcsField } from '../vmcs/vmcs_fields.js';
import type { EntryReader } from './entry_rule.js';

/** Fields that `secondaryControls` reads. */
export const SECONDARY: readonly number[] = [
  VmcsField.PrimaryProcessorBasedVmExecutionControls,
  VmcsField.SecondaryProcessorBasedVmExecutionControls,
];

/** Fields that `tertiaryControls` reads. */
export const TERTIARY: readonly number[] = [
  VmcsField.PrimaryProcessorBasedVmExecutionControls,
  VmcsField.TertiaryProcessorBasedVmExecutionControls,
];

/** The pin-based controls. */
export function pinControls(reader: EntryReader): number {
  return reader.low(VmcsField.PinBasedVmExecutionControls);
}

/** The primary processor-based controls. */
export function primaryControls(reader: EntryReader): number {
  return reader.low(VmcsField.PrimaryProcessorBasedVmExecutionControls);
}

/** The secondary processor-based controls in effect: 0 unless activated. */
export function secondaryControls(reader: EntryReader): number {
  const isActive = (primaryControls(reader) & PrimaryControl.ActivateSecondaryControls) !== 0;
  return isActive ? reader.low(VmcsField.SecondaryProcessorBasedVmExecutionControls) : 0;
}

/** Bits 31:0 of the tertiary processor-based controls in effect: 0 unless activated. */
export function tertiaryControls(reader: EntryReader): number {
  const isActive = (primaryControls(reader) & PrimaryControl.ActivateTertiaryControls) !== 0;
  return isActive ? reader.low(VmcsField.TertiaryProcessorBasedVmExecutionControls) : 0;
}

/** The VM-exit controls. */
export function exitControls(reader: EntryReader): number {
  return reader.low(VmcsField.VmExitControls);
}

/** The VM-entry controls. */
export function entryControls(reader: EntryReader): number {
  return reader.low(VmcsField.VmEntryControls);
}

/** "Unrestricted guest" is in effect. */
export function isUnrestricted(reader: EntryReader): boolean {
  return (secondaryControls(reader) & SecondaryControl.UnrestrictedGuest) !== 0;
}

/** Bits that must be 1 are 1 and bits that must be 0 are 0, by the halves of a capability MSR. SDM 3D "VMX Capability Reporting Facility". */
export function obeysCapability(reader: EntryReader, controls: number, msr: number): boolean {
  return (reader.capabilityLow(msr) & ~controls) === 0 && (controls & ~reader.capabilityHigh(msr)) === 0;
}

/** The address of a 64-bit field has no bit beyond the physical-address width. */
export function isInPhysicalRange(reader: EntryReader, field: number): boolean {
  return reader.high(field) >>> (reader.physicalAddressWidth - 32) === 0;
}

/** The field is an address aligned to `mask` + 1 bytes within the physical-address width. */
export function isPhysicalAddress(reader: EntryReader, field: number, mask: number): boolean {
  return (reader.low(field) & mask) === 0 && isInPhysicalRange(reader, field);
}

/** The field is canonical: bits 63 down to the highest linear-address bit are the same. */
export function isCanonical(reader: EntryReader, field: number): boolean {
  return isCanonicalHigh(reader.high(field), reader.linearAddressWidth);
}

/** Bits 63:N are the same, N being the linear-address width; bit N−1 may differ. */
export function hasUniformTop(reader: EntryReader, field: number): boolean {
  const top = reader.high(field) >> (reader.linearAddressWidth - 32);
  return top === 0 || top === -1;
}

/** A 64-bit field as a number; exact below 2^53, so after `isInPhysicalRange`. */
export function addressOf(reader: EntryReader, field: number): number {
  return (reader.high(field) >>> 0) * 0x1_0000_0000 + (reader.low(field) >>> 0);
}

/** An MSR area of `count` 16-byte entries: none, or aligned to 16 bytes with its first and last byte within the physical-address width. */
export function isMsrArea(reader: EntryReader, addressField: number, countField: number): boolean {
  const count = reader.low(countField) >>> 0;
  if (count === 0) return true;
  if (!isPhysicalAddress(reader, addressField, 0xf)) return false;
  return addressOf(reader, addressField) + count * 16 - 1 < 2 ** reader.physicalAddressWidth;
}
