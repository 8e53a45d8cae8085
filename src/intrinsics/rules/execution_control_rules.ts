// SPDX-License-Identifier: LGPL-2.1-only
import {
  ExitControl,
  EntryControl,
  PinBasedControl,
  PrimaryControl,
  SecondaryControl,
  TertiaryControl,
  VmFunctionControl,
} from '../vmx/control_bits.js';
import { EptCapability, Msr, VmxMisc } from '../registers/msr_definitions.js';
import { ApicRegister } from '../structures/apic_registers.js';
import { VmcsField as F } from '../vmcs/vmcs_fields.js';
import { section, type EntryReader, type EntryRule } from './entry_rule.js';
import {
  addressOf,
  entryControls,
  exitControls,
  isPhysicalAddress,
  obeysCapability,
  pinControls,
  primaryControls,
  SECONDARY,
  secondaryControls,
  TERTIARY,
  tertiaryControls,
} from './predicates.js';

const rule = section('control', 'VM-Execution Control Fields');

const PIN = F.PinBasedVmExecutionControls;
const PRIMARY = F.PrimaryProcessorBasedVmExecutionControls;

/** A rule of one secondary control that needs another. */
function secondaryNeedsEpt(name: string, label: string, mask: number): EntryRule {
  return rule(name, {
    wants: `"enable EPT" 1 while "${label}" is 1`,
    fields: SECONDARY,
    holds: (reader) => {
      const secondary = secondaryControls(reader);
      return (secondary & mask) === 0 || (secondary & SecondaryControl.EnableEpt) !== 0;
    },
  });
}

/** A rule of a page address that is checked only while a secondary control is 1. */
function secondaryPage(name: string, label: string, mask: number, what: string, field: number): EntryRule {
  return rule(name, {
    wants: `${what} 4-KiB aligned and within the physical-address width while "${label}" is 1`,
    fields: [...SECONDARY, field],
    inputs: ['physicalAddressWidth'],
    holds: (reader) => (secondaryControls(reader) & mask) === 0 || isPhysicalAddress(reader, field, 0xfff),
  });
}

const reservedBits: readonly EntryRule[] = [
  rule('controlPinBasedCtlsReservedProperlySet', {
    wants:
      'pin-based controls that IA32_VMX_TRUE_PINBASED_CTLS allows: its low half must be 1, others only if 1 in its high half',
    fields: [PIN],
    msrs: [Msr.Ia32VmxTruePinbasedCtls],
    holds: (reader) => obeysCapability(reader, pinControls(reader), Msr.Ia32VmxTruePinbasedCtls),
  }),
  rule('controlProcBasedCtlsReservedProperlySet', {
    wants:
      'primary controls that IA32_VMX_TRUE_PROCBASED_CTLS allows: its low half must be 1, others only if 1 in its high half',
    fields: [PRIMARY],
    msrs: [Msr.Ia32VmxTrueProcbasedCtls],
    holds: (reader) => obeysCapability(reader, primaryControls(reader), Msr.Ia32VmxTrueProcbasedCtls),
  }),
  rule('controlProcBasedCtls2ReservedProperlySet', {
    wants: 'secondary controls that IA32_VMX_PROCBASED_CTLS2 allows while "activate secondary controls" is 1',
    fields: SECONDARY,
    msrs: [Msr.Ia32VmxProcbasedCtls2],
    holds: (reader) =>
      (primaryControls(reader) & PrimaryControl.ActivateSecondaryControls) === 0 ||
      obeysCapability(reader, secondaryControls(reader), Msr.Ia32VmxProcbasedCtls2),
  }),
  rule('controlProcBasedCtls3ReservedProperlySet', {
    wants: 'tertiary controls that IA32_VMX_PROCBASED_CTLS3 allows while "activate tertiary controls" is 1',
    fields: TERTIARY,
    msrs: [Msr.Ia32VmxProcbasedCtls3],
    holds: (reader) =>
      (primaryControls(reader) & PrimaryControl.ActivateTertiaryControls) === 0 ||
      ((reader.low(F.TertiaryProcessorBasedVmExecutionControls) & ~reader.capabilityLow(Msr.Ia32VmxProcbasedCtls3)) ===
        0 &&
        (reader.high(F.TertiaryProcessorBasedVmExecutionControls) &
          ~reader.capabilityHigh(Msr.Ia32VmxProcbasedCtls3)) ===
          0),
  }),
];

const bitmaps: readonly EntryRule[] = [
  rule('controlCr3CountLessThen4', {
    wants: 'a CR3-target count of at most IA32_VMX_MISC[24:16] (4 on all processors so far)',
    fields: [F.Cr3TargetCount],
    msrs: [Msr.Ia32VmxMisc],
    holds: (reader) =>
      reader.low(F.Cr3TargetCount) >>> 0 <= (reader.capabilityLow(Msr.Ia32VmxMisc) & VmxMisc.Cr3Targets) >>> 16,
  }),
  rule('controlIoBitmapAddressBits', {
    wants: 'both I/O-bitmap addresses 4-KiB aligned and within the physical-address width while "use I/O bitmaps" is 1',
    fields: [PRIMARY, F.AddressOfIoBitmapA, F.AddressOfIoBitmapB],
    inputs: ['physicalAddressWidth'],
    holds: (reader) =>
      (primaryControls(reader) & PrimaryControl.UseIoBitmaps) === 0 ||
      (isPhysicalAddress(reader, F.AddressOfIoBitmapA, 0xfff) &&
        isPhysicalAddress(reader, F.AddressOfIoBitmapB, 0xfff)),
  }),
  rule('controlMsrBitmapAddressBits', {
    wants: 'the MSR-bitmap address 4-KiB aligned and within the physical-address width while "use MSR bitmaps" is 1',
    fields: [PRIMARY, F.AddressOfMsrBitmap],
    inputs: ['physicalAddressWidth'],
    holds: (reader) =>
      (primaryControls(reader) & PrimaryControl.UseMsrBitmap) === 0 ||
      isPhysicalAddress(reader, F.AddressOfMsrBitmap, 0xfff),
  }),
];

const VIRTUAL_APIC =
  SecondaryControl.VirtualizeX2apicMode |
  SecondaryControl.ApicRegisterVirtualization |
  SecondaryControl.VirtualInterruptDelivery;

// VTPR is the low byte of the virtual-APIC page's task priority.
function isThresholdAboveVtpr(reader: EntryReader): boolean {
  const vtpr = reader.readPhysical32(addressOf(reader, F.VirtualApicAddress) + ApicRegister.TaskPriority);
  return (reader.low(F.TprThreshold) & 0xf) > ((vtpr >>> 4) & 0xf);
}

const apic: readonly EntryRule[] = [
  rule('controlTprShadowAndVirtualApic', {
    wants:
      'with "use TPR shadow" a virtual-APIC address that is 4-KiB aligned and within the physical-address width; without it "virtualize x2APIC mode", "APIC-register virtualization" and "virtual-interrupt delivery" 0',
    fields: [...SECONDARY, F.VirtualApicAddress],
    inputs: ['physicalAddressWidth'],
    holds: (reader) =>
      (primaryControls(reader) & PrimaryControl.UseTprShadow) !== 0
        ? isPhysicalAddress(reader, F.VirtualApicAddress, 0xfff)
        : (secondaryControls(reader) & VIRTUAL_APIC) === 0,
  }),
  rule('controlTprThresholdReservedBits', {
    wants: 'bits 31:4 of the TPR threshold 0 while "use TPR shadow" is 1 and "virtual-interrupt delivery" is 0',
    fields: [...SECONDARY, F.TprThreshold],
    holds: (reader) =>
      (primaryControls(reader) & PrimaryControl.UseTprShadow) === 0 ||
      (secondaryControls(reader) & SecondaryControl.VirtualInterruptDelivery) !== 0 ||
      (reader.low(F.TprThreshold) & ~0xf) === 0,
  }),
  rule('controlTprThresholdNotAboveVtpr', {
    wants:
      'bits 3:0 of the TPR threshold not above bits 7:4 of VTPR while "use TPR shadow" is 1 and neither APIC accesses nor interrupt delivery are virtualized',
    fields: [...SECONDARY, F.TprThreshold, F.VirtualApicAddress],
    inputs: ['memory', 'physicalAddressWidth'],
    holds: (reader) =>
      (primaryControls(reader) & PrimaryControl.UseTprShadow) === 0 ||
      (secondaryControls(reader) &
        (SecondaryControl.VirtualInterruptDelivery | SecondaryControl.VirtualizeApicAccesses)) !==
        0 ||
      (reader.low(F.TprThreshold) & 0xf) === 0 ||
      !isPhysicalAddress(reader, F.VirtualApicAddress, 0xfff) ||
      !isThresholdAboveVtpr(reader),
  }),
  rule('controlNmiExitingAndVirtualNmi', {
    wants: '"virtual NMIs" 0 while "NMI exiting" is 0',
    fields: [PIN],
    holds: (reader) => {
      const pin = pinControls(reader);
      return (pin & PinBasedControl.NmiExiting) !== 0 || (pin & PinBasedControl.VirtualNmis) === 0;
    },
  }),
  rule('controlVirtualNmiAndNmiWindow', {
    wants: '"NMI-window exiting" 0 while "virtual NMIs" is 0',
    fields: [PIN, PRIMARY],
    holds: (reader) =>
      (pinControls(reader) & PinBasedControl.VirtualNmis) !== 0 ||
      (primaryControls(reader) & PrimaryControl.NmiWindowExiting) === 0,
  }),
  secondaryPage(
    'controlVirtualApicAddressBits',
    'virtualize APIC accesses',
    SecondaryControl.VirtualizeApicAccesses,
    'the APIC-access address',
    F.ApicAccessAddress,
  ),
  rule('controlX2apicModeAndVirtualApicAccess', {
    wants: '"virtualize APIC accesses" 0 while "virtualize x2APIC mode" is 1',
    fields: SECONDARY,
    holds: (reader) => {
      const secondary = secondaryControls(reader);
      return (
        (secondary & SecondaryControl.VirtualizeX2apicMode) === 0 ||
        (secondary & SecondaryControl.VirtualizeApicAccesses) === 0
      );
    },
  }),
  rule('controlVirtualInterruptAndExternalInterrupt', {
    wants: '"external-interrupt exiting" 1 while "virtual-interrupt delivery" is 1',
    fields: [PIN, ...SECONDARY],
    holds: (reader) =>
      (secondaryControls(reader) & SecondaryControl.VirtualInterruptDelivery) === 0 ||
      (pinControls(reader) & PinBasedControl.ExternalInterruptExiting) !== 0,
  }),
  rule('controlProcessPostedInterruptChecks', {
    wants:
      'with "process posted interrupts": "virtual-interrupt delivery" and "acknowledge interrupt on exit" 1, a notification vector of 0 to 255, and a descriptor address that is 64-byte aligned and within the physical-address width',
    fields: [
      PIN,
      ...SECONDARY,
      F.VmExitControls,
      F.PostedInterruptNotificationVector,
      F.PostedInterruptDescriptorAddress,
    ],
    inputs: ['physicalAddressWidth'],
    holds: (reader) =>
      (pinControls(reader) & PinBasedControl.ProcessPostedInterrupts) === 0 ||
      ((secondaryControls(reader) & SecondaryControl.VirtualInterruptDelivery) !== 0 &&
        (exitControls(reader) & ExitControl.AcknowledgeInterruptOnExit) !== 0 &&
        (reader.low(F.PostedInterruptNotificationVector) & 0xff00) === 0 &&
        isPhysicalAddress(reader, F.PostedInterruptDescriptorAddress, 0x3f)),
  }),
  rule('controlIpiVirtualizationChecks', {
    wants:
      'with "IPI virtualization": "use TPR shadow" 1 and a PID-pointer table that is 8-byte aligned and ends within the physical-address width',
    fields: [...TERTIARY, F.PidPointerTableAddress, F.LastPidPointerIndex],
    inputs: ['physicalAddressWidth'],
    holds: (reader) =>
      (tertiaryControls(reader) & TertiaryControl.IpiVirtualization) === 0 ||
      ((primaryControls(reader) & PrimaryControl.UseTprShadow) !== 0 &&
        isPhysicalAddress(reader, F.PidPointerTableAddress, 0x7) &&
        addressOf(reader, F.PidPointerTableAddress) + ((reader.low(F.LastPidPointerIndex) & 0xffff) + 1) * 8 - 1 <
          2 ** reader.physicalAddressWidth),
  }),
];

function isEptpMemoryTypeSupported(type: number, capability: number): boolean {
  if (type === 0) return (capability & EptCapability.MemoryTypeUncacheableSupported) !== 0;
  return type === 6 && (capability & EptCapability.MemoryTypeWriteBackSupported) !== 0;
}

function isEptpWalkSupported(lengthMinusOne: number, capability: number): boolean {
  if (lengthMinusOne === 3) return (capability & EptCapability.PageWalkLengthOf4) !== 0;
  return lengthMinusOne === 4 && (capability & EptCapability.PageWalkLengthOf5) !== 0;
}

// Bits 11:7 are reserved, bit 7 only where supervisor shadow-stack control is not supported.
function isEptp(reader: EntryReader): boolean {
  const eptp = reader.low(F.EptPointer);
  const capability = reader.capabilityLow(Msr.Ia32VmxEptVpidCap);
  const hasFlags = (eptp & 0x40) !== 0;
  const reserved = (capability & EptCapability.SupervisorShadowStackControl) !== 0 ? 0xf00 : 0xf80;
  return (
    isEptpMemoryTypeSupported(eptp & 7, capability) &&
    isEptpWalkSupported((eptp >>> 3) & 7, capability) &&
    (!hasFlags || (capability & EptCapability.AccessedDirtySupport) !== 0) &&
    isPhysicalAddress(reader, F.EptPointer, reserved)
  );
}

const translation: readonly EntryRule[] = [
  rule('controlVpidChecks', {
    wants: 'a VPID other than 0 while "enable VPID" is 1',
    fields: [...SECONDARY, F.VirtualProcessorIdentifier],
    holds: (reader) =>
      (secondaryControls(reader) & SecondaryControl.EnableVpid) === 0 ||
      (reader.low(F.VirtualProcessorIdentifier) & 0xffff) !== 0,
  }),
  rule('controlEnableEptChecks', {
    wants:
      'an EPT pointer whose memory type, page-walk length and accessed-and-dirty flag IA32_VMX_EPT_VPID_CAP supports, reserved bits 0, within the physical-address width, while "enable EPT" is 1',
    fields: [...SECONDARY, F.EptPointer],
    msrs: [Msr.Ia32VmxEptVpidCap],
    inputs: ['physicalAddressWidth'],
    holds: (reader) => (secondaryControls(reader) & SecondaryControl.EnableEpt) === 0 || isEptp(reader),
  }),
  rule('controlEnablePmlChecks', {
    wants:
      'with "enable PML": "enable EPT" 1 and a PML address that is 4-KiB aligned and within the physical-address width',
    fields: [...SECONDARY, F.PmlAddress],
    inputs: ['physicalAddressWidth'],
    holds: (reader) => {
      const secondary = secondaryControls(reader);
      if ((secondary & SecondaryControl.EnablePml) === 0) return true;
      return (secondary & SecondaryControl.EnableEpt) !== 0 && isPhysicalAddress(reader, F.PmlAddress, 0xfff);
    },
  }),
  secondaryNeedsEpt('controlUnrestrictedGuests', 'unrestricted guest', SecondaryControl.UnrestrictedGuest),
  secondaryNeedsEpt(
    'controlModeBasedExecuteControlNeedsEpt',
    'mode-based execute control for EPT',
    SecondaryControl.ModeBasedExecuteControlForEpt,
  ),
  secondaryNeedsEpt(
    'controlSubPageWritePermissionsNeedEpt',
    'sub-page write permissions for EPT',
    SecondaryControl.SubPageWritePermissionsForEpt,
  ),
  secondaryPage(
    'controlSubPagePermissionTableAddressBits',
    'sub-page write permissions for EPT',
    SecondaryControl.SubPageWritePermissionsForEpt,
    'the SPP-table pointer',
    F.SubPagePermissionTablePointer,
  ),
  rule('controlIntelPtUsesGuestPhysicalAddresses', {
    wants:
      '"enable EPT", "load IA32_RTIT_CTL" and "clear IA32_RTIT_CTL" 1 while "Intel PT uses guest physical addresses" is 1',
    fields: [...SECONDARY, F.VmExitControls, F.VmEntryControls],
    holds: (reader) => {
      const secondary = secondaryControls(reader);
      if ((secondary & SecondaryControl.IntelPtUsesGuestPhysicalAddresses) === 0) return true;
      return (
        (secondary & SecondaryControl.EnableEpt) !== 0 &&
        (entryControls(reader) & EntryControl.LoadIa32RtitCtl) !== 0 &&
        (exitControls(reader) & ExitControl.ClearIa32RtitCtl) !== 0
      );
    },
  }),
  rule('controlEnableHlatChecks', {
    wants:
      'with "enable HLAT": "enable EPT" 1 and an HLAT pointer whose bits 2:0 and 11:5 are 0, within the physical-address width',
    fields: [...TERTIARY, F.SecondaryProcessorBasedVmExecutionControls, F.HlatPointer],
    inputs: ['physicalAddressWidth'],
    holds: (reader) =>
      (tertiaryControls(reader) & TertiaryControl.EnableHlat) === 0 ||
      ((secondaryControls(reader) & SecondaryControl.EnableEpt) !== 0 &&
        isPhysicalAddress(reader, F.HlatPointer, 0xfe7)),
  }),
  rule('controlPagingWriteAndVerificationNeedEpt', {
    wants: '"enable EPT" 1 while "EPT paging-write control" or "guest-paging verification" is 1',
    fields: [...TERTIARY, F.SecondaryProcessorBasedVmExecutionControls],
    holds: (reader) =>
      (tertiaryControls(reader) & (TertiaryControl.EptPagingWriteControl | TertiaryControl.GuestPagingVerification)) ===
        0 || (secondaryControls(reader) & SecondaryControl.EnableEpt) !== 0,
  }),
];

function areVmFunctionsValid(reader: EntryReader): boolean {
  const functions = reader.low(F.VmFunctionControls);
  if ((functions & ~reader.capabilityLow(Msr.Ia32VmxVmfunc)) !== 0) return false;
  if ((reader.high(F.VmFunctionControls) & ~reader.capabilityHigh(Msr.Ia32VmxVmfunc)) !== 0) return false;
  if ((functions & VmFunctionControl.EptpSwitching) === 0) return true;
  return (
    (secondaryControls(reader) & SecondaryControl.EnableEpt) !== 0 &&
    isPhysicalAddress(reader, F.EptpListAddress, 0xfff)
  );
}

const functions: readonly EntryRule[] = [
  rule('controlEnableVmFunctions', {
    wants:
      'VM functions that IA32_VMX_VMFUNC allows; for EPTP switching "enable EPT" 1 and an EPTP-list address that is 4-KiB aligned and within the physical-address width',
    fields: [...SECONDARY, F.VmFunctionControls, F.EptpListAddress],
    msrs: [Msr.Ia32VmxVmfunc],
    inputs: ['physicalAddressWidth'],
    holds: (reader) =>
      (secondaryControls(reader) & SecondaryControl.EnableVmFunctions) === 0 || areVmFunctionsValid(reader),
  }),
  rule('controlEnableVmcsShadowing', {
    wants:
      'VMREAD- and VMWRITE-bitmap addresses 4-KiB aligned and within the physical-address width while "VMCS shadowing" is 1',
    fields: [...SECONDARY, F.VmreadBitmapAddress, F.VmwriteBitmapAddress],
    inputs: ['physicalAddressWidth'],
    holds: (reader) =>
      (secondaryControls(reader) & SecondaryControl.VmcsShadowing) === 0 ||
      (isPhysicalAddress(reader, F.VmreadBitmapAddress, 0xfff) &&
        isPhysicalAddress(reader, F.VmwriteBitmapAddress, 0xfff)),
  }),
  secondaryPage(
    'controlEnableEptViolationChecks',
    'EPT-violation #VE',
    SecondaryControl.EptViolationVe,
    'the virtualization-exception information address',
    F.VirtualizationExceptionInformationAddress,
  ),
];

/** SDM 3C "VM-Execution Control Fields" of "Checks on VMX Controls". */
export const executionControlRules: readonly EntryRule[] = [
  ...reservedBits,
  ...bitmaps,
  ...apic,
  ...translation,
  ...functions,
];
