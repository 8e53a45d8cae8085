// SPDX-License-Identifier: LGPL-2.1-only
// The words that the core tests inside instructions in non-root operation, from the VM-execution control fields. SDM 3C "VM-Execution
// Control Fields".
import { PrimaryControl, SecondaryControl } from '../../../intrinsics/vmx/control_bits.js';
import { VmcsField, type VmcsFieldName } from '../../../intrinsics/vmcs/vmcs_fields.js';
import { slotOf } from '../vmcs/field_slots.js';
import type { Vmcs } from '../vmcs/vmcs.js';
import { copy64, store64, Word } from '../words.js';

const slot = (name: VmcsFieldName): number => slotOf(VmcsField[name]);

/** Fields that the core reads unchanged. */
const copies: readonly (readonly [slot: number, word: number, words: 1 | 2])[] = [
  [slot('PinBasedVmExecutionControls'), Word.pin, 1],
  [slot('PrimaryProcessorBasedVmExecutionControls'), Word.primary, 1],
  [slot('ExceptionBitmap'), Word.exceptionBitmap, 1],
  [slot('PageFaultErrorCodeMask'), Word.pageFaultMask, 1],
  [slot('PageFaultErrorCodeMatch'), Word.pageFaultMatch, 1],
  [slot('Cr3TargetCount'), Word.cr3TargetCount, 1],
  [slot('Cr3TargetValue0'), Word.cr3Target0, 2],
  [slot('Cr3TargetValue1'), Word.cr3Target0 + 2, 2],
  [slot('Cr3TargetValue2'), Word.cr3Target0 + 4, 2],
  [slot('Cr3TargetValue3'), Word.cr3Target0 + 6, 2],
  [slot('Cr0GuestHostMask'), Word.cr0Mask, 2],
  [slot('Cr0ReadShadow'), Word.cr0Shadow, 2],
  [slot('Cr4GuestHostMask'), Word.cr4Mask, 2],
  [slot('Cr4ReadShadow'), Word.cr4Shadow, 2],
  [slot('AddressOfIoBitmapA'), Word.ioBitmapA, 2],
  [slot('AddressOfIoBitmapB'), Word.ioBitmapB, 2],
  [slot('AddressOfMsrBitmap'), Word.msrBitmap, 2],
  [slot('XssExitingBitmap'), Word.xssExiting, 2],
  [slot('VirtualApicAddress'), Word.virtualApic, 2],
  [slot('ApicAccessAddress'), Word.apicAccess, 2],
  [slot('TprThreshold'), Word.tprThreshold, 1],
  [slot('GuestInterruptStatus'), Word.interruptStatus, 1],
  [slot('PostedInterruptNotificationVector'), Word.postedVector, 1],
  [slot('PostedInterruptDescriptorAddress'), Word.postedDescriptor, 2],
  [slot('EoiExitBitmap0'), Word.eoiExitBitmap, 2],
  [slot('EoiExitBitmap1'), Word.eoiExitBitmap + 2, 2],
  [slot('EoiExitBitmap2'), Word.eoiExitBitmap + 4, 2],
  [slot('EoiExitBitmap3'), Word.eoiExitBitmap + 6, 2],
];

const primarySlot = slot('PrimaryProcessorBasedVmExecutionControls');
const secondarySlot = slot('SecondaryProcessorBasedVmExecutionControls');
const vpidSlot = slot('VirtualProcessorIdentifier');
const eptSlot = slot('EptPointer');
const offsetSlot = slot('TscOffset');
const pmlAddressSlot = slot('PmlAddress');
const pmlIndexSlot = slot('PmlIndex');

/** Copies the two halves of a field, or stores 0 if its control is off. No half is a number of its own: V8 would allocate one above 2^31. */
function copyIf(isOn: boolean, u32: Uint32Array, word: number, vmcs: Vmcs, from: number): void {
  if (isOn) copy64(u32, word, vmcs.halves, from << 1);
  else store64(u32, word, 0, 0);
}

/** Fills the core's VMX words. A word whose control is off is 0. */
export function loadExecutionControls(u32: Uint32Array, vmcs: Vmcs): void {
  for (const [from, word, words] of copies) {
    u32[word] = vmcs.bits(from);
    if (words === 2) copy64(u32, word, vmcs.halves, from << 1);
  }
  const primary = vmcs.bits(primarySlot);
  const secondary = (primary & PrimaryControl.ActivateSecondaryControls) !== 0 ? vmcs.bits(secondarySlot) : 0;
  u32[Word.secondary] = secondary;
  u32[Word.vpid] = (secondary & SecondaryControl.EnableVpid) !== 0 ? vmcs.bits(vpidSlot) : 0;
  copyIf((secondary & SecondaryControl.EnableEpt) !== 0, u32, Word.eptp, vmcs, eptSlot);
  const pml = (secondary & SecondaryControl.EnablePml) !== 0;
  copyIf(pml, u32, Word.pmlAddress, vmcs, pmlAddressSlot);
  u32[Word.pmlIndex] = pml ? vmcs.bits(pmlIndexSlot) : 0;
  copyIf((primary & PrimaryControl.UseTscOffsetting) !== 0, u32, Word.vmxTscOffset, vmcs, offsetSlot);
  // 1 << 48: no scaling.
  store64(u32, Word.vmxTscMultiplier, 0, 0x10000);
  // PE and PG may be 0 in an unrestricted guest.
  const unrestricted = (secondary & SecondaryControl.UnrestrictedGuest) !== 0;
  store64(u32, Word.cr0Fixed0, unrestricted ? 0x20 : 0x80000021 | 0, 0);
}
