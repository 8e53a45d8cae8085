// SPDX-License-Identifier: LGPL-2.1-only
import {
  EntryControl,
  ExitControl,
  PinBasedControl as Pin,
  PrimaryControl as Primary,
  SecondaryControl as Secondary,
  TertiaryControl as Tertiary,
} from '../../../src/intrinsics/vmx/control_bits.js';
import { Msr } from '../../../src/intrinsics/registers/msr_definitions.js';
import { Cr0, InterruptibilityState } from '../../../src/intrinsics/registers/registers.js';
import { VmcsField as F } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import {
  type FakeVmcs,
  valid32BitVmcs,
  validUnrestrictedVmcs,
  validVmcs,
  validVmcsWithEpt,
} from '../../support/valid_vmcs.js';
import { RuleCases } from './rule_cases.js';

const cases = new RuleCases();
const { breaks, keeps } = { breaks: cases.breaks.bind(cases), keeps: cases.keeps.bind(cases) };
const PIN = F.PinBasedVmExecutionControls;
const PRIMARY = F.PrimaryProcessorBasedVmExecutionControls;
const SECONDARY = F.SecondaryProcessorBasedVmExecutionControls;
const BEYOND = 1n << 39n;

const withSecondary = (bits: number) => (): FakeVmcs => validVmcs().secondary(bits);
const withTertiary = (bits: number) => (): FakeVmcs => validVmcsWithEpt().tertiary(bits);
const withPrimary = (bits: number) => (): FakeVmcs => validVmcs().on(PRIMARY, bits);

// Basic checks.
breaks('entryHasACurrentVmcs', 'no current VMCS', validVmcs, (v) => (v.currentVmcs = -1));
breaks('entryIsNotBlockedByMovSs', 'MOV SS before the entry', validVmcs, (v) => (v.isBlockedByMovSs = true));
breaks('vmlaunchVmcsIsClear', 'VMLAUNCH of a launched VMCS', validVmcs, (v) => (v.isLaunched = true));
breaks('vmresumeVmcsIsLaunched', 'VMRESUME of a clear VMCS', validVmcs, (v) => (v.isLaunch = false));
keeps('vmlaunchVmcsIsClear', 'VMRESUME of a launched VMCS', validVmcs, (v) =>
  Object.assign(v, { isLaunch: false, isLaunched: true }),
);
keeps('vmresumeVmcsIsLaunched', 'VMRESUME of a launched VMCS', validVmcs, (v) =>
  Object.assign(v, { isLaunch: false, isLaunched: true }),
);

// Reserved bits.
breaks('controlPinBasedCtlsReservedProperlySet', 'a bit that must be 1 is 0', validVmcs, (v) => v.off(PIN, 2));
breaks('controlPinBasedCtlsReservedProperlySet', 'a bit that must be 0 is 1', validVmcs, (v) => v.on(PIN, 1 << 20));
breaks('controlProcBasedCtlsReservedProperlySet', 'a bit that must be 1 is 0', validVmcs, (v) => v.off(PRIMARY, 2));
breaks('controlProcBasedCtlsReservedProperlySet', 'a bit that must be 0 is 1', validVmcs, (v) => v.on(PRIMARY, 1));
breaks('controlProcBasedCtls2ReservedProperlySet', 'bit 29', withSecondary(0), (v) => v.on(SECONDARY, 1 << 29));
keeps('controlProcBasedCtls2ReservedProperlySet', 'bit 29 of a word that is not active', validVmcs, (v) =>
  v.on(SECONDARY, 1 << 29),
);
breaks('controlProcBasedCtls3ReservedProperlySet', 'bit 5', withTertiary(0), (v) =>
  v.on(F.TertiaryProcessorBasedVmExecutionControls, 1 << 5),
);
breaks('controlProcBasedCtls3ReservedProperlySet', 'bit 40', withTertiary(0), (v) =>
  v.on(F.TertiaryProcessorBasedVmExecutionControls, 1n << 40n),
);
keeps('controlProcBasedCtls3ReservedProperlySet', 'bit 5 of a word that is not active', validVmcs, (v) =>
  v.on(F.TertiaryProcessorBasedVmExecutionControls, 1 << 5),
);

// Counts and bitmaps.
breaks('controlCr3CountLessThen4', '5 targets', validVmcs, (v) => v.set(F.Cr3TargetCount, 5));
keeps('controlCr3CountLessThen4', '4 targets', validVmcs, (v) => v.set(F.Cr3TargetCount, 4));
breaks('controlCr3CountLessThen4', '3 targets where IA32_VMX_MISC has 2', validVmcs, (v) => {
  v.capabilities.set(Msr.Ia32VmxMisc, 0x7002c1e7n);
  v.set(F.Cr3TargetCount, 3);
});
breaks('controlIoBitmapAddressBits', 'bitmap A unaligned', withPrimary(Primary.UseIoBitmaps), (v) =>
  v.set(F.AddressOfIoBitmapA, 0x1800),
);
breaks('controlIoBitmapAddressBits', 'bitmap B beyond the width', withPrimary(Primary.UseIoBitmaps), (v) =>
  v.set(F.AddressOfIoBitmapB, BEYOND),
);
keeps('controlIoBitmapAddressBits', 'bitmap A unaligned but unused', validVmcs, (v) =>
  v.set(F.AddressOfIoBitmapA, 0x1800),
);
breaks('controlMsrBitmapAddressBits', 'unaligned', withPrimary(Primary.UseMsrBitmap), (v) =>
  v.set(F.AddressOfMsrBitmap, 1),
);
keeps('controlMsrBitmapAddressBits', 'unaligned but unused', validVmcs, (v) => v.set(F.AddressOfMsrBitmap, 1));

// Virtual APIC.
const tprShadow = withPrimary(Primary.UseTprShadow);
breaks('controlTprShadowAndVirtualApic', 'virtual-APIC address unaligned', tprShadow, (v) =>
  v.set(F.VirtualApicAddress, 0x10),
);
breaks('controlTprShadowAndVirtualApic', 'x2APIC mode without TPR shadow', withSecondary(0), (v) =>
  v.on(SECONDARY, Secondary.VirtualizeX2apicMode),
);
breaks('controlTprShadowAndVirtualApic', 'APIC-register virtualization without TPR shadow', withSecondary(0), (v) =>
  v.on(SECONDARY, Secondary.ApicRegisterVirtualization),
);
keeps('controlTprShadowAndVirtualApic', 'with interrupt delivery and APIC accesses virtualized', tprShadow, (v) =>
  v
    .on(PIN, Pin.ExternalInterruptExiting)
    .secondary(Secondary.VirtualInterruptDelivery | Secondary.VirtualizeApicAccesses),
);
breaks(
  'controlTprThresholdReservedBits',
  'bit 4',
  () => tprShadow().secondary(Secondary.VirtualizeApicAccesses),
  (v) => v.set(F.TprThreshold, 0x10),
);
keeps('controlTprThresholdReservedBits', 'bit 4 without TPR shadow', validVmcs, (v) => v.set(F.TprThreshold, 0x10));
keeps('controlTprThresholdReservedBits', 'bit 4 with virtual-interrupt delivery', tprShadow, (v) =>
  v.set(F.TprThreshold, 0x10).secondary(Secondary.VirtualInterruptDelivery),
);
const vtpr5 = (): FakeVmcs => {
  const vmcs = tprShadow().set(F.VirtualApicAddress, 0x5000).set(F.TprThreshold, 5);
  vmcs.memory.set(0x5080, 0x50);
  return vmcs;
};
breaks('controlTprThresholdNotAboveVtpr', 'threshold 6, VTPR 50H', vtpr5, (v) => v.set(F.TprThreshold, 6));
keeps('controlTprThresholdNotAboveVtpr', 'APIC accesses are virtualized', vtpr5, (v) =>
  v.set(F.TprThreshold, 6).secondary(Secondary.VirtualizeApicAccesses),
);
keeps('controlTprThresholdNotAboveVtpr', 'the virtual-APIC address is bad itself', vtpr5, (v) =>
  v.set(F.TprThreshold, 6).set(F.VirtualApicAddress, 0x5001),
);
keeps('controlTprThresholdNotAboveVtpr', 'no TPR shadow', validVmcs, (v) => v.set(F.TprThreshold, 6));
breaks('controlNmiExitingAndVirtualNmi', 'virtual NMIs alone', validVmcs, (v) => v.on(PIN, Pin.VirtualNmis));
keeps('controlNmiExitingAndVirtualNmi', 'both', validVmcs, (v) => v.on(PIN, Pin.VirtualNmis | Pin.NmiExiting));
breaks('controlVirtualNmiAndNmiWindow', 'NMI window alone', validVmcs, (v) => v.on(PRIMARY, Primary.NmiWindowExiting));
keeps('controlVirtualNmiAndNmiWindow', 'with virtual NMIs', validVmcs, (v) =>
  v.on(PIN, Pin.VirtualNmis | Pin.NmiExiting).on(PRIMARY, Primary.NmiWindowExiting),
);
breaks(
  'controlVirtualApicAddressBits',
  'APIC-access address unaligned',
  withSecondary(Secondary.VirtualizeApicAccesses),
  (v) => v.set(F.ApicAccessAddress, 0x800),
);
keeps('controlVirtualApicAddressBits', 'APIC-access address unaligned but unused', validVmcs, (v) =>
  v.set(F.ApicAccessAddress, 0x800),
);
breaks(
  'controlX2apicModeAndVirtualApicAccess',
  'both',
  () => tprShadow().secondary(Secondary.VirtualizeX2apicMode),
  (v) => v.on(SECONDARY, Secondary.VirtualizeApicAccesses),
);
const delivery = (): FakeVmcs =>
  tprShadow().on(PIN, Pin.ExternalInterruptExiting).secondary(Secondary.VirtualInterruptDelivery);
breaks('controlVirtualInterruptAndExternalInterrupt', 'no external-interrupt exiting', delivery, (v) =>
  v.off(PIN, Pin.ExternalInterruptExiting),
);
const posted = (): FakeVmcs =>
  delivery()
    .on(PIN, Pin.ProcessPostedInterrupts)
    .on(F.VmExitControls, ExitControl.AcknowledgeInterruptOnExit)
    .set(F.PostedInterruptNotificationVector, 0xf2)
    .set(F.PostedInterruptDescriptorAddress, 0x5040);
breaks('controlProcessPostedInterruptChecks', 'no interrupt delivery', posted, (v) =>
  v.off(SECONDARY, Secondary.VirtualInterruptDelivery),
);
breaks('controlProcessPostedInterruptChecks', 'no acknowledge on exit', posted, (v) =>
  v.off(F.VmExitControls, ExitControl.AcknowledgeInterruptOnExit),
);
breaks('controlProcessPostedInterruptChecks', 'vector 100H', posted, (v) =>
  v.set(F.PostedInterruptNotificationVector, 0x100),
);
breaks('controlProcessPostedInterruptChecks', 'descriptor unaligned', posted, (v) =>
  v.set(F.PostedInterruptDescriptorAddress, 0x5020),
);
breaks('controlProcessPostedInterruptChecks', 'descriptor beyond the width', posted, (v) =>
  v.set(F.PostedInterruptDescriptorAddress, BEYOND),
);
const ipi = (): FakeVmcs =>
  withTertiary(Tertiary.IpiVirtualization)().on(PRIMARY, Primary.UseTprShadow).set(F.PidPointerTableAddress, 0x6000);
breaks('controlIpiVirtualizationChecks', 'no TPR shadow', ipi, (v) => v.off(PRIMARY, Primary.UseTprShadow));
breaks('controlIpiVirtualizationChecks', 'table unaligned', ipi, (v) => v.set(F.PidPointerTableAddress, 0x6004));
breaks('controlIpiVirtualizationChecks', 'table ends beyond the width', ipi, (v) =>
  v.set(F.PidPointerTableAddress, BEYOND - 8n).set(F.LastPidPointerIndex, 1),
);
keeps('controlIpiVirtualizationChecks', 'table ends at the width', ipi, (v) =>
  v.set(F.PidPointerTableAddress, BEYOND - 8n),
);

// Address translation.
breaks(
  'controlVpidChecks',
  'VPID 0',
  () => withSecondary(Secondary.EnableVpid)().set(F.VirtualProcessorIdentifier, 1),
  (v) => v.set(F.VirtualProcessorIdentifier, 0),
);
breaks('controlEnableEptChecks', 'memory type 1', validVmcsWithEpt, (v) => v.set(F.EptPointer, 0x3059));
keeps('controlEnableEptChecks', 'memory type uncacheable', validVmcsWithEpt, (v) => v.set(F.EptPointer, 0x3018));
breaks('controlEnableEptChecks', 'uncacheable where it is not supported', validVmcsWithEpt, (v) => {
  v.capabilities.set(Msr.Ia32VmxEptVpidCap, 0x06734041n);
  v.set(F.EptPointer, 0x3018);
});
breaks('controlEnableEptChecks', 'write-back where it is not supported', validVmcsWithEpt, (v) =>
  v.capabilities.set(Msr.Ia32VmxEptVpidCap, 0x06730141n),
);
breaks('controlEnableEptChecks', 'walk length 3', validVmcsWithEpt, (v) => v.set(F.EptPointer, 0x3056));
breaks('controlEnableEptChecks', 'walk length 5 where it is not supported', validVmcsWithEpt, (v) =>
  v.set(F.EptPointer, 0x3066),
);
keeps('controlEnableEptChecks', 'walk length 5 where it is supported', validVmcsWithEpt, (v) => {
  v.capabilities.set(Msr.Ia32VmxEptVpidCap, 0x067341c1n);
  v.set(F.EptPointer, 0x3066);
});
breaks('controlEnableEptChecks', 'walk length 4 where it is not supported', validVmcsWithEpt, (v) =>
  v.capabilities.set(Msr.Ia32VmxEptVpidCap, 0x06734101n),
);
breaks('controlEnableEptChecks', 'accessed and dirty flags where they are not supported', validVmcsWithEpt, (v) =>
  v.capabilities.set(Msr.Ia32VmxEptVpidCap, 0x06534141n),
);
breaks('controlEnableEptChecks', 'bit 7', validVmcsWithEpt, (v) => v.on(F.EptPointer, 0x80));
keeps('controlEnableEptChecks', 'bit 7 with supervisor shadow-stack control', validVmcsWithEpt, (v) => {
  v.capabilities.set(Msr.Ia32VmxEptVpidCap, 0x06f34141n);
  v.on(F.EptPointer, 0x80);
});
breaks('controlEnableEptChecks', 'beyond the physical-address width', validVmcsWithEpt, (v) =>
  v.on(F.EptPointer, BEYOND),
);
keeps('controlEnableEptChecks', 'a bad pointer that is not used', validVmcs, (v) => v.set(F.EptPointer, 0xffff));
const pml = (): FakeVmcs => validVmcsWithEpt().secondary(Secondary.EnablePml).set(F.PmlAddress, 0x4000);
breaks('controlEnablePmlChecks', 'no EPT', pml, (v) => v.off(SECONDARY, Secondary.EnableEpt));
breaks('controlEnablePmlChecks', 'address unaligned', pml, (v) => v.set(F.PmlAddress, 0x4008));
breaks('controlUnrestrictedGuests', 'no EPT', withSecondary(0), (v) => v.on(SECONDARY, Secondary.UnrestrictedGuest));
breaks('controlModeBasedExecuteControlNeedsEpt', 'no EPT', withSecondary(0), (v) =>
  v.on(SECONDARY, Secondary.ModeBasedExecuteControlForEpt),
);
breaks('controlSubPageWritePermissionsNeedEpt', 'no EPT', withSecondary(0), (v) =>
  v.on(SECONDARY, Secondary.SubPageWritePermissionsForEpt),
);
breaks(
  'controlSubPagePermissionTableAddressBits',
  'unaligned',
  () => validVmcsWithEpt().secondary(Secondary.SubPageWritePermissionsForEpt),
  (v) => v.set(F.SubPagePermissionTablePointer, 8),
);
const pt = (): FakeVmcs =>
  validVmcsWithEpt()
    .secondary(Secondary.IntelPtUsesGuestPhysicalAddresses)
    .on(F.VmEntryControls, EntryControl.LoadIa32RtitCtl)
    .on(F.VmExitControls, ExitControl.ClearIa32RtitCtl);
breaks('controlIntelPtUsesGuestPhysicalAddresses', 'no EPT', pt, (v) => v.off(SECONDARY, Secondary.EnableEpt));
breaks('controlIntelPtUsesGuestPhysicalAddresses', 'RTIT_CTL not loaded', pt, (v) =>
  v.off(F.VmEntryControls, EntryControl.LoadIa32RtitCtl),
);
breaks('controlIntelPtUsesGuestPhysicalAddresses', 'RTIT_CTL not cleared', pt, (v) =>
  v.off(F.VmExitControls, ExitControl.ClearIa32RtitCtl),
);
const hlat = withTertiary(Tertiary.EnableHlat);
breaks('controlEnableHlatChecks', 'no EPT', hlat, (v) => v.off(SECONDARY, Secondary.EnableEpt));
breaks('controlEnableHlatChecks', 'bit 5', hlat, (v) => v.set(F.HlatPointer, 0x20));
keeps('controlEnableHlatChecks', 'PWT and PCD', hlat, (v) => v.set(F.HlatPointer, 0x18));
breaks('controlPagingWriteAndVerificationNeedEpt', 'no EPT', withTertiary(Tertiary.EptPagingWriteControl), (v) =>
  v.off(SECONDARY, Secondary.EnableEpt),
);
breaks('controlPagingWriteAndVerificationNeedEpt', 'no EPT', withTertiary(Tertiary.GuestPagingVerification), (v) =>
  v.off(SECONDARY, Secondary.EnableEpt),
);

// VM functions, shadowing, #VE.
const functions = (): FakeVmcs =>
  validVmcsWithEpt().secondary(Secondary.EnableVmFunctions).set(F.VmFunctionControls, 1);
breaks('controlEnableVmFunctions', 'function 1', functions, (v) => v.on(F.VmFunctionControls, 2));
breaks('controlEnableVmFunctions', 'function 32', functions, (v) => v.on(F.VmFunctionControls, 1n << 32n));
breaks('controlEnableVmFunctions', 'EPTP switching without EPT', functions, (v) =>
  v.off(SECONDARY, Secondary.EnableEpt),
);
breaks('controlEnableVmFunctions', 'EPTP list unaligned', functions, (v) => v.set(F.EptpListAddress, 0x10));
keeps('controlEnableVmFunctions', 'EPTP list unaligned but not used', functions, (v) =>
  v.set(F.EptpListAddress, 0x10).set(F.VmFunctionControls, 0),
);
keeps('controlEnableVmFunctions', 'a function while they are off', validVmcs, (v) => v.set(F.VmFunctionControls, 2));
const shadowing = withSecondary(Secondary.VmcsShadowing);
breaks('controlEnableVmcsShadowing', 'VMREAD bitmap unaligned', shadowing, (v) => v.set(F.VmreadBitmapAddress, 4));
breaks('controlEnableVmcsShadowing', 'VMWRITE bitmap beyond the width', shadowing, (v) =>
  v.set(F.VmwriteBitmapAddress, BEYOND),
);
breaks('controlEnableEptViolationChecks', 'address unaligned', withSecondary(Secondary.EptViolationVe), (v) =>
  v.set(F.VirtualizationExceptionInformationAddress, 0x20),
);

// VM-exit controls.
breaks('controlVmExitCtlsReservedProperlySet', 'a bit that must be 1 is 0', validVmcs, (v) =>
  v.off(F.VmExitControls, 1),
);
breaks('controlVmExitCtlsReservedProperlySet', 'a control that is not supported', validVmcs, (v) => {
  v.capabilities.set(Msr.Ia32VmxTrueExitCtls, 0x003fffff_00036dfbn);
  v.on(F.VmExitControls, ExitControl.ClearIa32Bndcfgs);
});
const secondaryExit = (): FakeVmcs => validVmcs().on(F.VmExitControls, ExitControl.ActivateSecondaryControls);
breaks('controlSecondaryVmExitCtlsReservedProperlySet', 'bit 2', secondaryExit, (v) =>
  v.on(F.SecondaryVmExitControls, 4),
);
breaks('controlSecondaryVmExitCtlsReservedProperlySet', 'bit 33', secondaryExit, (v) =>
  v.on(F.SecondaryVmExitControls, 1n << 33n),
);
keeps('controlSecondaryVmExitCtlsReservedProperlySet', 'bit 2, not active', validVmcs, (v) =>
  v.on(F.SecondaryVmExitControls, 4),
);
breaks('controlActivateAndSavePreemptionTimerMustBe0', 'save without activate', validVmcs, (v) =>
  v.on(F.VmExitControls, ExitControl.SaveVmxPreemptionTimerValue),
);
keeps('controlActivateAndSavePreemptionTimerMustBe0', 'both', validVmcs, (v) =>
  v.on(F.VmExitControls, ExitControl.SaveVmxPreemptionTimerValue).on(PIN, Pin.ActivateVmxPreemptionTimer),
);
for (const [rule, count, address] of [
  ['controlExitMsrStoreAddress', F.VmExitMsrStoreCount, F.VmExitMsrStoreAddress],
  ['controlExitMsrLoadAddress', F.VmExitMsrLoadCount, F.VmExitMsrLoadAddress],
  ['controlEntryMsrLoadAddress', F.VmEntryMsrLoadCount, F.VmEntryMsrLoadAddress],
] as const) {
  const area = (): FakeVmcs => validVmcs().set(count, 2).set(address, 0x5000);
  breaks(rule, 'unaligned', area, (v) => v.set(address, 0x5008));
  breaks(rule, 'begins beyond the width', area, (v) => v.set(address, BEYOND));
  breaks(rule, 'ends beyond the width', area, (v) => v.set(address, BEYOND - 16n));
  keeps(rule, 'ends at the width', area, (v) => v.set(address, BEYOND - 32n));
  keeps(rule, 'unaligned but empty', validVmcs, (v) => v.set(address, 0x5008));
}

// VM-entry controls.
const INFORMATION = F.VmEntryInterruptionInformationField;
const inject = (information: number) => (vmcs: FakeVmcs) => vmcs.set(INFORMATION, information >>> 0);
breaks('controlVmEntryCtlsReservedProperlySet', 'a bit that must be 1 is 0', validVmcs, (v) =>
  v.off(F.VmEntryControls, 1),
);
breaks('controlVmEntryCtlsReservedProperlySet', 'a bit that must be 0 is 1', validVmcs, (v) =>
  v.on(F.VmEntryControls, 1 << 28),
);
breaks('controlEventInjectionTypeVectorChecks', 'reserved type', validVmcs, inject(0x80000100));
breaks('controlEventInjectionTypeVectorChecks', 'NMI of vector 3', validVmcs, inject(0x80000203));
breaks('controlEventInjectionTypeVectorChecks', 'hardware exception 32', validVmcs, inject(0x80000320));
breaks('controlEventInjectionTypeVectorChecks', 'other event of vector 1', validVmcs, inject(0x80000701));
breaks('controlEventInjectionTypeVectorChecks', 'other event without the monitor trap flag', validVmcs, (v) => {
  v.capabilities.set(Msr.Ia32VmxTrueProcbasedCtls, 0xf7f9fffe_04006172n);
  inject(0x80000700)(v);
});
for (const [what, information] of [
  ['NMI', 0x80000202],
  ['hardware exception 6', 0x80000306],
  ['pending MTF VM exit', 0x80000700],
  ['nothing (valid bit 0)', 0x00000101],
] as const) {
  keeps('controlEventInjectionTypeVectorChecks', what, validVmcs, inject(information));
}
breaks('controlEventInjectionDeliveryEcChecks', '#GP without its error code', validVmcs, inject(0x8000030d));
breaks('controlEventInjectionDeliveryEcChecks', '#UD with an error code', validVmcs, inject(0x80000b06));
breaks(
  'controlEventInjectionDeliveryEcChecks',
  'software interrupt with an error code',
  () => validVmcs().set(F.VmEntryInstructionLength, 2),
  inject(0x80000c30),
);
breaks(
  'controlEventInjectionDeliveryEcChecks',
  '#GP with an error code in real-address mode',
  validUnrestrictedVmcs,
  inject(0x80000b0d),
);
keeps('controlEventInjectionDeliveryEcChecks', '#GP with its error code', validVmcs, inject(0x80000b0d));
keeps(
  'controlEventInjectionDeliveryEcChecks',
  '#GP without an error code in real-address mode',
  validUnrestrictedVmcs,
  inject(0x8000030d),
);
keeps(
  'controlEventInjectionDeliveryEcChecks',
  '#GP with an error code in protected mode of an unrestricted guest',
  () => validUnrestrictedVmcs().on(F.GuestCr0, Cr0.ProtectionEnable),
  inject(0x80000b0d),
);
keeps('controlEventInjectionDeliveryEcChecks', '#CP with its error code on a processor with CET', validVmcs, (v) => {
  v.features.add('cet');
  inject(0x80000b15)(v);
});
breaks(
  'controlEventInjectionDeliveryEcChecks',
  'exception 21 with an error code without CET',
  validVmcs,
  inject(0x80000b15),
);
keeps(
  'controlEventInjectionDeliveryEcChecks',
  '#GP without its error code where IA32_VMX_BASIC[56] is 1',
  validVmcs,
  (v) => {
    v.capabilities.set(Msr.Ia32VmxBasic, 0x01da0400_00000004n);
    inject(0x8000030d)(v);
  },
);
breaks('controlEventInjectionReservedBitsChecks', 'bit 12', validVmcs, inject(0x80001202));
keeps('controlEventInjectionReservedBitsChecks', 'bit 12 without the valid bit', validVmcs, inject(0x00001202));
breaks(
  'controlEventInjectionEcChecks',
  'bit 16',
  () => inject(0x80000b0d)(validVmcs()),
  (v) => v.set(F.VmEntryExceptionErrorCode, 0x10000),
);
keeps(
  'controlEventInjectionEcChecks',
  'bit 16 of one that is not delivered',
  () => inject(0x80000306)(validVmcs()),
  (v) => v.set(F.VmEntryExceptionErrorCode, 0x10000),
);
for (const [what, type] of [
  ['software interrupt', 0x400],
  ['privileged software exception', 0x500],
  ['software exception', 0x600],
] as const) {
  const vmcs = (): FakeVmcs => inject((0x80000003 | type) >>> 0)(validVmcs()).set(F.VmEntryInstructionLength, 1);
  breaks('controlEventInjectionInstrLengthChecks', `${what} of length 16`, vmcs, (v) =>
    v.set(F.VmEntryInstructionLength, 16),
  );
  breaks('controlEventInjectionInstrLengthChecks', `${what} of length 0`, vmcs, (v) => {
    v.capabilities.set(Msr.Ia32VmxMisc, 0x3004c1e7n);
    v.set(F.VmEntryInstructionLength, 0);
  });
  keeps('controlEventInjectionInstrLengthChecks', `${what} of length 0 where IA32_VMX_MISC[30] is 1`, vmcs, (v) =>
    v.set(F.VmEntryInstructionLength, 0),
  );
}
keeps(
  'controlEventInjectionInstrLengthChecks',
  'hardware exception of length 16',
  () => inject(0x80000306)(validVmcs()),
  (v) => v.set(F.VmEntryInstructionLength, 16),
);
const inSmm = (): FakeVmcs =>
  Object.assign(validVmcs().set(F.GuestInterruptibilityState, InterruptibilityState.BlockingBySmi), { inSmm: true });
breaks('controlEntryToSmmOutsideSmm', 'deactivate dual-monitor treatment', validVmcs, (v) =>
  v.on(F.VmEntryControls, EntryControl.DeactivateDualMonitorTreatment),
);
keeps('controlEntryToSmmOutsideSmm', 'entry to SMM in SMM', inSmm, (v) =>
  v.on(F.VmEntryControls, EntryControl.EntryToSmm),
);
breaks(
  'controlEntryToSmmAndDeactivateDualMonitor',
  'both',
  () => inSmm().on(F.VmEntryControls, EntryControl.EntryToSmm),
  (v) => v.on(F.VmEntryControls, EntryControl.DeactivateDualMonitorTreatment),
);
breaks(
  'controlLoadIa32RtitCtlWhileTracing',
  'tracing',
  () => validVmcs().on(F.VmEntryControls, EntryControl.LoadIa32RtitCtl),
  (v) => (v.isTracing = true),
);
keeps('controlLoadIa32RtitCtlWhileTracing', 'tracing, not loaded', valid32BitVmcs, (v) => (v.isTracing = true));

/** Mutations of the control fields. */
export const controlCases = cases.list;
