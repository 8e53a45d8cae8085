// SPDX-License-Identifier: LGPL-2.1-only
// The VM-entry rules, each broken by one field. The names are those of src/intrinsics/rules.
import {
  andNot,
  beyond,
  code16,
  code32,
  cpl3,
  enter,
  enterBehindMovSs,
  Entry,
  entry,
  ept,
  Exit,
  exit,
  F,
  guest32,
  guestPae,
  launch,
  M,
  makeCase,
  needLow,
  notBochs,
  Msr,
  or,
  Pin,
  pin,
  poke,
  Primary,
  primary,
  realMode,
  resume,
  run,
  Secondary,
  secondary,
  tprShadow,
  virtual8086,
  virtualNmis,
  vpid,
  watchdog,
  write,
} from './operations.mjs';

const NOT_CANONICAL = 0x0000800000000000n;
const list = [];

/** One case that breaks a rule: what prepares it, then the one mutation. */
function rule(name, change, ...operations) {
  list.push(makeCase(`${name}: ${change}`, ...operations, enter()));
}

const PIN = F.PinBasedVmExecutionControls;
const PRIMARY = F.PrimaryProcessorBasedVmExecutionControls;
const SECONDARY = F.SecondaryProcessorBasedVmExecutionControls;
const INJECTION = F.VmEntryInterruptionInformationField;

// Basic checks.
list.push(makeCase('valid: nothing is broken', enter()));
list.push(makeCase('valid: 32-bit guest', guest32, write(F.GuestRip, code32()), enter()));
list.push(makeCase('valid: PAE guest', guestPae, write(F.GuestRip, code32()), enter()));
list.push(makeCase('valid: virtual-8086 guest', virtual8086(code16()), enter()));
list.push(makeCase('valid: real-address mode', realMode(code16()), enter()));
list.push(makeCase('valid: guest at CPL 3', cpl3, run('nop'), enter()));
list.push(makeCase('valid: EPT', ept, enter()));
list.push(makeCase('valid: VPID', vpid, enter()));
list.push(makeCase('vmlaunchVmcsIsClear: VMLAUNCH twice', enter(), launch()));
list.push(makeCase('vmresumeVmcsIsLaunched: VMRESUME first', resume()));
list.push(makeCase('entryIsNotBlockedByMovSs: MOV SS right before', enterBehindMovSs()));
list.push(makeCase('valid: VMRESUME of a launched VMCS', enter(), write(F.GuestRip, 'guest_stubs'), resume()));

// Execution controls.
rule('controlPinBasedCtlsReservedProperlySet', 'bit 1 is 0', andNot(PIN, 2));
rule('controlPinBasedCtlsReservedProperlySet', 'bit 20 is 1', or(PIN, 1 << 20));
rule('controlProcBasedCtlsReservedProperlySet', 'bit 1 is 0', andNot(PRIMARY, 2));
rule('controlProcBasedCtlsReservedProperlySet', 'bit 0 is 1', or(PRIMARY, 1));
rule('controlProcBasedCtls2ReservedProperlySet', 'bit 31 is 1', secondary(0), or(SECONDARY, 0x80000000));
rule('controlCr3CountLessThen4', '5 targets', write(F.Cr3TargetCount, 5));
rule(
  'controlIoBitmapAddressBits',
  'A unaligned',
  primary(Primary.UseIoBitmaps),
  write(F.AddressOfIoBitmapA, M.ioBitmapA + 1),
);
rule('controlIoBitmapAddressBits', 'B beyond the width', primary(Primary.UseIoBitmaps), beyond(F.AddressOfIoBitmapB));
rule(
  'controlMsrBitmapAddressBits',
  'unaligned',
  primary(Primary.UseMsrBitmap),
  write(F.AddressOfMsrBitmap, M.msrBitmap + 0x800),
);
rule('controlMsrBitmapAddressBits', 'beyond the width', primary(Primary.UseMsrBitmap), beyond(F.AddressOfMsrBitmap));
rule('controlTprShadowAndVirtualApic', 'unaligned', tprShadow, write(F.VirtualApicAddress, M.virtualApic + 8));
rule('controlTprShadowAndVirtualApic', 'beyond the width', tprShadow, beyond(F.VirtualApicAddress));
rule('controlTprShadowAndVirtualApic', 'x2APIC mode alone', secondary(Secondary.VirtualizeX2apicMode));
rule(
  'controlTprShadowAndVirtualApic',
  'APIC-register virtualization alone',
  secondary(Secondary.ApicRegisterVirtualization),
);
rule(
  'controlTprShadowAndVirtualApic',
  'virtual-interrupt delivery alone',
  pin(Pin.ExternalInterruptExiting),
  secondary(Secondary.VirtualInterruptDelivery),
);
rule('controlTprThresholdReservedBits', 'bit 4', tprShadow, write(F.TprThreshold, 0x10));
rule(
  'controlTprThresholdNotAboveVtpr',
  'threshold 6, VTPR 50H',
  tprShadow,
  poke(M.virtualApic + 0x80, 0x50),
  write(F.TprThreshold, 6),
);
rule('controlNmiExitingAndVirtualNmi', 'virtual NMIs alone', pin(Pin.VirtualNmis));
rule('controlVirtualNmiAndNmiWindow', 'NMI window alone', primary(Primary.NmiWindowExiting));
rule(
  'controlVirtualApicAddressBits',
  'unaligned',
  secondary(Secondary.VirtualizeApicAccesses),
  write(F.ApicAccessAddress, M.apicAccess + 0x10),
);
rule(
  'controlVirtualApicAddressBits',
  'beyond the width',
  secondary(Secondary.VirtualizeApicAccesses),
  beyond(F.ApicAccessAddress),
);
rule(
  'controlX2apicModeAndVirtualApicAccess',
  'both',
  tprShadow,
  secondary(Secondary.VirtualizeX2apicMode | Secondary.VirtualizeApicAccesses),
  write(F.ApicAccessAddress, M.apicAccess),
);
rule(
  'controlVirtualInterruptAndExternalInterrupt',
  'no external-interrupt exiting',
  tprShadow,
  secondary(Secondary.VirtualInterruptDelivery),
);
const posted = [
  tprShadow,
  pin(Pin.ExternalInterruptExiting | Pin.ProcessPostedInterrupts),
  secondary(Secondary.VirtualInterruptDelivery),
  exit(Exit.AcknowledgeInterruptOnExit),
  write(F.PostedInterruptNotificationVector, 0xf2),
  write(F.PostedInterruptDescriptorAddress, M.postedDescriptor),
];
rule(
  'controlProcessPostedInterruptChecks',
  'no acknowledge',
  posted,
  andNot(F.VmExitControls, Exit.AcknowledgeInterruptOnExit),
);
rule('controlProcessPostedInterruptChecks', 'vector 100H', posted, write(F.PostedInterruptNotificationVector, 0x100));
rule(
  'controlProcessPostedInterruptChecks',
  'descriptor unaligned',
  posted,
  write(F.PostedInterruptDescriptorAddress, M.postedDescriptor + 0x20),
);
rule('controlVpidChecks', 'VPID 0', vpid, write(F.VirtualProcessorIdentifier, 0));
rule('controlEnableEptChecks', 'memory type 1', ept, write(F.EptPointer, M.eptPml4 | 0x19));
rule('controlEnableEptChecks', 'memory type 7', ept, write(F.EptPointer, M.eptPml4 | 0x1f));
rule('controlEnableEptChecks', 'walk length 3', ept, write(F.EptPointer, M.eptPml4 | 0x16));
rule('controlEnableEptChecks', 'walk length 5', ept, write(F.EptPointer, M.eptPml4 | 0x26));
rule('controlEnableEptChecks', 'bit 7', ept, or(F.EptPointer, 0x80));
rule('controlEnableEptChecks', 'bit 11', ept, or(F.EptPointer, 0x800));
rule('controlEnableEptChecks', 'beyond the width', ept, beyond(F.EptPointer));
rule('controlEnablePmlChecks', 'no EPT', secondary(Secondary.EnablePml), write(F.PmlAddress, M.pml));
rule('controlEnablePmlChecks', 'unaligned', ept, secondary(Secondary.EnablePml), write(F.PmlAddress, M.pml + 8));
rule('controlUnrestrictedGuests', 'no EPT', secondary(Secondary.UnrestrictedGuest));
rule(
  'controlEnableVmFunctions',
  'function 1',
  ept,
  secondary(Secondary.EnableVmFunctions),
  write(F.VmFunctionControls, 2),
);
rule(
  'controlEnableVmFunctions',
  'EPTP list unaligned',
  ept,
  secondary(Secondary.EnableVmFunctions),
  needLow(Msr.Ia32VmxVmfunc, 1),
  write(F.VmFunctionControls, 1),
  write(F.EptpListAddress, M.eptpList + 8),
);
rule(
  'controlEnableVmFunctions',
  'no EPT',
  secondary(Secondary.EnableVmFunctions),
  needLow(Msr.Ia32VmxVmfunc, 1),
  write(F.VmFunctionControls, 1),
  write(F.EptpListAddress, M.eptpList),
);
rule(
  'controlEnableVmcsShadowing',
  'VMREAD bitmap unaligned',
  secondary(Secondary.VmcsShadowing),
  write(F.VmreadBitmapAddress, M.vmreadBitmap + 4),
  write(F.VmwriteBitmapAddress, M.vmwriteBitmap),
);
rule(
  'controlEnableVmcsShadowing',
  'VMWRITE bitmap beyond the width',
  secondary(Secondary.VmcsShadowing),
  write(F.VmreadBitmapAddress, M.vmreadBitmap),
  beyond(F.VmwriteBitmapAddress),
);
rule(
  'controlEnableEptViolationChecks',
  'unaligned',
  ept,
  secondary(Secondary.EptViolationVe),
  write(F.VirtualizationExceptionInformationAddress, M.veInformation + 4),
);

// Exit controls.
rule('controlVmExitCtlsReservedProperlySet', 'bit 0 is 0', andNot(F.VmExitControls, 1));
rule('controlVmExitCtlsReservedProperlySet', 'bit 3 is 1', or(F.VmExitControls, 1 << 31));
rule('controlActivateAndSavePreemptionTimerMustBe0', 'save alone', exit(Exit.SaveVmxPreemptionTimerValue));
for (const [name, count, address] of [
  ['controlExitMsrStoreAddress', F.VmExitMsrStoreCount, F.VmExitMsrStoreAddress],
  ['controlExitMsrLoadAddress', F.VmExitMsrLoadCount, F.VmExitMsrLoadAddress],
  ['controlEntryMsrLoadAddress', F.VmEntryMsrLoadCount, F.VmEntryMsrLoadAddress],
]) {
  rule(name, 'unaligned', write(count, 1), write(address, M.msrArea + 8));
  rule(name, 'beyond the width', write(count, 1), beyond(address));
  rule(name, 'unaligned but empty', write(address, M.msrArea + 8));
}

// Entry controls.
rule('controlVmEntryCtlsReservedProperlySet', 'bit 0 is 0', andNot(F.VmEntryControls, 1));
rule('controlVmEntryCtlsReservedProperlySet', 'bit 31 is 1', or(F.VmEntryControls, 0x80000000));
rule('controlEventInjectionTypeVectorChecks', 'reserved type', write(INJECTION, 0x80000120));
rule('controlEventInjectionTypeVectorChecks', 'NMI of vector 3', write(INJECTION, 0x80000203));
rule('controlEventInjectionTypeVectorChecks', 'exception 32', write(INJECTION, 0x80000320));
rule('controlEventInjectionTypeVectorChecks', 'other event of vector 1', notBochs(), write(INJECTION, 0x80000701));
rule('controlEventInjectionDeliveryEcChecks', '#GP without error code', write(INJECTION, 0x8000030d));
rule('controlEventInjectionDeliveryEcChecks', '#UD with error code', write(INJECTION, 0x80000b06));
rule('controlEventInjectionDeliveryEcChecks', 'NMI with error code', write(INJECTION, 0x80000a02));
rule('controlEventInjectionDeliveryEcChecks', '#DF without error code', write(INJECTION, 0x80000308));
rule(
  'controlEventInjectionDeliveryEcChecks',
  '#GP with error code in real-address mode',
  realMode(code16()),
  write(INJECTION, 0x80000b0d),
);
rule('controlEventInjectionReservedBitsChecks', 'bit 12', write(INJECTION, 0x80001306));
rule('controlEventInjectionReservedBitsChecks', 'bit 30', write(INJECTION, 0xc0000306));
rule(
  'controlEventInjectionEcChecks',
  'bit 16',
  write(INJECTION, 0x80000b0d),
  write(F.VmEntryExceptionErrorCode, 0x10000),
);
rule(
  'controlEventInjectionEcChecks',
  'bit 31',
  write(INJECTION, 0x80000b0d),
  write(F.VmEntryExceptionErrorCode, 0x80000000),
);
rule(
  'controlEventInjectionEcChecks',
  'bit 15 (valid)',
  write(INJECTION, 0x80000b0d),
  write(F.VmEntryExceptionErrorCode, 0x8000),
);
rule(
  'controlEventInjectionInstrLengthChecks',
  'software interrupt of length 16',
  write(INJECTION, 0x80000430),
  write(F.VmEntryInstructionLength, 16),
);
rule(
  'controlEventInjectionInstrLengthChecks',
  'software exception of length 16',
  write(INJECTION, 0x80000603),
  write(F.VmEntryInstructionLength, 16),
);
rule('controlEntryToSmmOutsideSmm', 'entry to SMM', or(F.VmEntryControls, Entry.EntryToSmm));
rule(
  'controlEntryToSmmOutsideSmm',
  'deactivate dual-monitor treatment',
  or(F.VmEntryControls, Entry.DeactivateDualMonitorTreatment),
);

// Host state.
rule('hostCr0ForUnsupportedBits', 'NE is 0', andNot(F.HostCr0, 0x20));
rule('hostCr0ForUnsupportedBits', 'PG is 0', andNot(F.HostCr0, 0x80000000));
rule('hostCr0ForUnsupportedBits', 'PE is 0', andNot(F.HostCr0, 1));
rule('hostCr0ForUnsupportedBits', 'bit 32 is 1', or(F.HostCr0, 1n << 32n));
rule('hostCr4ForUnsupportedBits', 'VMXE is 0', andNot(F.HostCr4, 0x2000));
rule('hostCr4ForUnsupportedBits', 'bit 30 is 1', or(F.HostCr4, 1 << 30));
rule('hostCr3ForUnsupportedBits', 'beyond the width', beyond(F.HostCr3));
rule('hostIa32SysenterEspCanonicalAddress', 'not canonical', write(F.HostIa32SysenterEsp, NOT_CANONICAL));
rule('hostIa32SysenterEipCanonicalAddress', 'not canonical', write(F.HostIa32SysenterEip, NOT_CANONICAL));
rule(
  'hostVerifyLoadIa32PerfGlobalCtrl',
  'bit 63',
  exit(Exit.LoadIa32PerfGlobalCtrl),
  write(F.HostIa32PerfGlobalCtrl, 1n << 63n),
);
rule('hostVerifyLoadIa32Pat', 'entry 0 is 2', exit(Exit.LoadIa32Pat), write(F.HostIa32Pat, 0x0007040600070402n));
rule('hostVerifyLoadIa32Pat', 'entry 7 is 8', exit(Exit.LoadIa32Pat), write(F.HostIa32Pat, 0x0807040600070406n));
rule('hostVerifyLoadIa32Efer', 'bit 1', exit(Exit.LoadIa32Efer), or(F.HostIa32Efer, 2));
rule('hostVerifyLoadIa32Efer', 'LMA is 0', exit(Exit.LoadIa32Efer), andNot(F.HostIa32Efer, 0x400));
rule('hostVerifyLoadIa32Efer', 'LME is 0', exit(Exit.LoadIa32Efer), andNot(F.HostIa32Efer, 0x100));
for (const name of ['Es', 'Cs', 'Ss', 'Ds', 'Fs', 'Gs', 'Tr']) {
  rule(`host${name}SelectorRplTiEqualZero`, 'RPL 1', or(F[`Host${name}Selector`], 1));
  rule(`host${name}SelectorRplTiEqualZero`, 'TI 1', or(F[`Host${name}Selector`], 4));
}
rule('hostCsNotEqualZero', 'CS is 0', write(F.HostCsSelector, 0));
rule('hostTrNotEqualZero', 'TR is 0', write(F.HostTrSelector, 0));
rule('hostSsNotEqualZero', 'SS is 0 in a 64-bit host (valid)', write(F.HostSsSelector, 0));
for (const [name, field] of [
  ['hostFsCanonicalBaseAddress', F.HostFsBase],
  ['hostGsCanonicalBaseAddress', F.HostGsBase],
  ['hostGdtrCanonicalBaseAddress', F.HostGdtrBase],
  ['hostIdtrCanonicalBaseAddress', F.HostIdtrBase],
  ['hostTrCanonicalBaseAddress', F.HostTrBase],
]) {
  rule(name, 'not canonical', write(field, NOT_CANONICAL));
}
rule('hostAddressSpaceSizeExitCtlIsSet', 'a 32-bit host', andNot(F.VmExitControls, Exit.HostAddressSpaceSize));
rule('hostAddressSpaceEnabled', 'PAE is 0', andNot(F.HostCr4, 0x20));
rule('hostAddressSpaceEnabled', 'RIP not canonical', write(F.HostRip, NOT_CANONICAL));

// Guest control registers, debug registers, MSRs.
rule('guestCr0ForUnsupportedBits', 'NE is 0', andNot(F.GuestCr0, 0x20));
rule('guestCr0ForUnsupportedBits', 'bit 32 is 1', or(F.GuestCr0, 1n << 32n));
rule('guestCr0ForUnsupportedBits', 'PG is 0', guest32, write(F.GuestRip, code32()), andNot(F.GuestCr0, 0x80000000));
rule('guestCr0ForUnsupportedBits', 'PE is 0', guest32, write(F.GuestRip, code32()), andNot(F.GuestCr0, 1));
rule('guestCr0VerifyPagingEnabled', 'PG without PE', realMode(code16()), or(F.GuestCr0, 0x80000000));
rule('guestCr4ForUnsupportedBits', 'VMXE is 0', andNot(F.GuestCr4, 0x2000));
rule('guestCr4ForUnsupportedBits', 'bit 30 is 1', or(F.GuestCr4, 1 << 30));
rule('guestLoadDebugControlsVerifyReserved', 'bit 2', entry(Entry.LoadDebugControls), write(F.GuestIa32Debugctl, 4));
rule(
  'guestLoadDebugControlsVerifyReserved',
  'bit 32',
  entry(Entry.LoadDebugControls),
  write(F.GuestIa32Debugctl, 1n << 32n),
);
rule(
  'guestLoadDebugControlsVerifyReserved',
  'LBR (valid)',
  entry(Entry.LoadDebugControls),
  write(F.GuestIa32Debugctl, 1),
);
rule('guestVerifyIa32eModeEnabled', 'PAE is 0', andNot(F.GuestCr4, 0x20));
rule('guestVerifyIa32eModeDisabled', 'PCIDE', guest32, write(F.GuestRip, code32()), or(F.GuestCr4, 0x20000));
rule('guestCr3ForUnsupportedBits', 'beyond the width', beyond(F.GuestCr3));
rule('guestLoadDebugControlsVerifyDr7', 'bit 32', entry(Entry.LoadDebugControls), or(F.GuestDr7, 1n << 32n));
rule('guestIa32SysenterEspCanonicalAddress', 'not canonical', write(F.GuestIa32SysenterEsp, NOT_CANONICAL));
rule('guestIa32SysenterEipCanonicalAddress', 'not canonical', write(F.GuestIa32SysenterEip, NOT_CANONICAL));
rule(
  'guestVerifyLoadIa32PerfGlobalCtrl',
  'bit 63',
  entry(Entry.LoadIa32PerfGlobalCtrl),
  write(F.GuestIa32PerfGlobalCtrl, 1n << 63n),
);
rule('guestVerifyLoadIa32Pat', 'entry 0 is 2', entry(Entry.LoadIa32Pat), write(F.GuestIa32Pat, 0x0007040600070402n));
rule('guestVerifyLoadIa32Pat', 'entry 7 is 3', entry(Entry.LoadIa32Pat), write(F.GuestIa32Pat, 0x0307040600070406n));
rule(
  'guestVerifyLoadIa32Pat',
  'all types (valid)',
  entry(Entry.LoadIa32Pat),
  exit(Exit.SaveIa32Pat),
  write(F.GuestIa32Pat, 0x0706050401000706n),
);
rule('guestVerifyLoadIa32Efer', 'bit 1', entry(Entry.LoadIa32Efer), or(F.GuestIa32Efer, 2));
rule('guestVerifyLoadIa32Efer', 'LMA is 0', entry(Entry.LoadIa32Efer), andNot(F.GuestIa32Efer, 0x400));
rule('guestVerifyLoadIa32Efer', 'LME is 0', entry(Entry.LoadIa32Efer), andNot(F.GuestIa32Efer, 0x100));
rule('guestVerifyLoadIa32Bndcfgs', 'bit 2', entry(Entry.LoadIa32Bndcfgs), write(F.GuestIa32Bndcfgs, 4));

// Guest segment registers.
const segments = ['Cs', 'Ss', 'Ds', 'Es', 'Fs', 'Gs'];
rule('guestTrTiBitEquals0', 'TI 1', or(F.GuestTrSelector, 4));
rule('guestLdtrTiBitEquals0', 'TI 1', or(F.GuestLdtrSelector, 4));
rule(
  'guestLdtrTiBitEquals0',
  'TI 1, unusable (valid)',
  or(F.GuestLdtrSelector, 4),
  write(F.GuestLdtrAccessRights, 0x10000),
);
rule('guestSsAndCsRplAreTheSame', 'CS RPL 1', or(F.GuestCsSelector, 1));
for (const name of segments) {
  rule(`guest${name}BaseIsShifted`, '16 too high', virtual8086(code16()), write(F[`Guest${name}Base`], M.lowCode + 16));
  rule(`guest${name}Limit`, 'FFFEH', virtual8086(code16()), write(F[`Guest${name}Limit`], 0xfffe));
  rule(`guestV8086${name}AccessRights`, 'F2H', virtual8086(code16()), write(F[`Guest${name}AccessRights`], 0xf2));
}
for (const name of ['Tr', 'Fs', 'Gs', 'Ldtr'])
  rule(`guest${name}BaseIsCanonical`, 'not canonical', write(F[`Guest${name}Base`], NOT_CANONICAL));
for (const name of ['Cs', 'Ss', 'Ds', 'Es'])
  rule(`guest${name}BaseUpperDword0`, 'bit 32', write(F[`Guest${name}Base`], 1n << 32n));
for (const name of ['Ss', 'Ds', 'Es']) {
  rule(
    `guest${name}BaseUpperDword0`,
    'bit 32, unusable (valid)',
    write(F[`Guest${name}Base`], 1n << 32n),
    write(F[`Guest${name}AccessRights`], 0x1c093),
  );
}
rule('guestCsAccessRightsType', 'type 1', write(F.GuestCsAccessRights, 0xa091));
rule('guestCsAccessRightsType', 'type 3', write(F.GuestCsAccessRights, 0xa093));
rule('guestCsAccessRightsType', 'type 8', write(F.GuestCsAccessRights, 0xa098));
rule('guestSsAccessRightsType', 'type 1', write(F.GuestSsAccessRights, 0xc091));
rule('guestSsAccessRightsType', 'type 11', write(F.GuestSsAccessRights, 0xc09b));
for (const name of ['Ds', 'Es', 'Fs', 'Gs']) {
  rule(`guest${name}AccessRightsType`, 'type 2', write(F[`Guest${name}AccessRights`], 0xc092));
  rule(`guest${name}AccessRightsType`, 'type 9', write(F[`Guest${name}AccessRights`], 0xc099));
}
for (const name of segments)
  rule(`guest${name}IsNotASystemDescriptor`, 'S 0', andNot(F[`Guest${name}AccessRights`], 0x10));
rule('guestCsTypeNotEqual3', 'DPL 1', realMode(code16()), write(F.GuestCsAccessRights, 0xb3));
rule('guestCsDplAdheresToSsDpl', 'CS 3, SS 0', write(F.GuestCsAccessRights, 0xa0fb));
rule('guestCsDplAdheresToSsDpl', 'conforming CS 3, SS 0', write(F.GuestCsAccessRights, 0xa0ff));
rule(
  'guestSsDplMustEqualRpl',
  'DPL 3, RPL 0',
  write(F.GuestCsAccessRights, 0xa09f),
  write(F.GuestSsAccessRights, 0xc0f3),
);
rule(
  'guestSsDplMustEqualZero',
  'DPL 3 in real-address mode',
  realMode(code16()),
  write(F.GuestCsAccessRights, 0x9f),
  write(F.GuestSsAccessRights, 0xf3),
);
for (const name of ['Ds', 'Es', 'Fs', 'Gs']) rule(`guest${name}Dpl`, 'RPL 3, DPL 0', or(F[`Guest${name}Selector`], 3));
rule('guestCsMustBePresent', 'P 0', andNot(F.GuestCsAccessRights, 0x80));
for (const name of segments.slice(1))
  rule(`guest${name}MustBePresentIfUsable`, 'P 0', andNot(F[`Guest${name}AccessRights`], 0x80));
for (const name of segments) {
  rule(`guest${name}AccessRightsReservedMustBe0`, 'bit 8', or(F[`Guest${name}AccessRights`], 0x100));
  rule(`guest${name}Granularity`, 'G 1, limit FFFFFFFEH', write(F[`Guest${name}Limit`], 0xfffffffe));
  rule(`guest${name}Granularity`, 'G 0, limit FFFFFFFFH', andNot(F[`Guest${name}AccessRights`], 0x8000));
  rule(`guest${name}AccessRightsRemainingReservedBit0`, 'bit 17', or(F[`Guest${name}AccessRights`], 0x20000));
}
rule('guestCsDbMustBe0IfLEquals1', 'both', or(F.GuestCsAccessRights, 0x4000));
rule('guestTrTypeMustBe11', 'type 3', write(F.GuestTrAccessRights, 0x83));
rule('guestTrTypeMustBe11', 'type 9', write(F.GuestTrAccessRights, 0x89));
rule('guestTrMustBeUsable', 'unusable', or(F.GuestTrAccessRights, 0x10000));
rule('guestLdtrTypeMustBe2', 'type 3', write(F.GuestLdtrAccessRights, 0x83));
for (const name of ['Tr', 'Ldtr']) {
  rule(`guest${name}MustBeASystemDescriptor`, 'S 1', or(F[`Guest${name}AccessRights`], 0x10));
  rule(`guest${name}MustBePresent`, 'P 0', andNot(F[`Guest${name}AccessRights`], 0x80));
  rule(`guest${name}AccessRightsReservedMustBe0`, 'bit 11', or(F[`Guest${name}AccessRights`], 0x800));
  rule(`guest${name}Granularity`, 'G 0, limit 100000H', write(F[`Guest${name}Limit`], 0x100000));
  rule(
    `guest${name}Granularity`,
    'G 1, limit 67H',
    write(F[`Guest${name}Limit`], 0x67),
    or(F[`Guest${name}AccessRights`], 0x8000),
  );
  rule(`guest${name}AccessRightsRemainingReservedBit0`, 'bit 20', or(F[`Guest${name}AccessRights`], 0x100000));
}

// Descriptor tables, RIP, RFLAGS.
rule('guestGdtrBaseMustBeCanonical', 'not canonical', write(F.GuestGdtrBase, NOT_CANONICAL));
rule('guestIdtrBaseMustBeCanonical', 'not canonical', write(F.GuestIdtrBase, NOT_CANONICAL));
rule('guestGdtrLimitReservedBits', 'bit 16', write(F.GuestGdtrLimit, 0x10000));
rule('guestIdtrLimitReservedBits', 'bit 31', write(F.GuestIdtrLimit, 0x80000000));
rule('guestRipUpperBits', 'bit 32 of a 32-bit guest', guest32, write(F.GuestRip, 1n << 32n));
rule(
  'guestRipUpperBits',
  'bit 32 in compatibility mode',
  write(F.GuestCsAccessRights, 0xc09b),
  write(F.GuestRip, 1n << 32n),
);
rule('guestRipValidAddr', 'bit 48', write(F.GuestRip, 1n << 48n));
rule('guestRipValidAddr', 'bit 47 (valid)', write(F.GuestRip, 1n << 47n));
rule('guestRflagsReservedBits', 'bit 3', or(F.GuestRflags, 8));
rule('guestRflagsReservedBits', 'bit 1 is 0', andNot(F.GuestRflags, 2));
rule('guestRflagsReservedBits', 'bit 22', or(F.GuestRflags, 1 << 22));
rule('guestRflagsReservedBits', 'bit 32', or(F.GuestRflags, 1n << 32n));
rule('guestRflagsVmBit', 'in a 64-bit guest', or(F.GuestRflags, 0x20000));
rule('guestRflagInterruptEnable', 'an external interrupt with IF 0', write(INJECTION, 0x80000020));

// Non-register state.
const enabled = or(F.GuestRflags, 0x200);
const activity = (state) => write(F.GuestActivityState, state);
const blocking = (state) => write(F.GuestInterruptibilityState, state);
rule('guestValidActivityState', 'state 4', activity(4));
rule('guestActivityStateNotHltWhenDplNot0', 'HLT at CPL 3', watchdog, cpl3, activity(1));
rule('guestMustBeActiveIfInjectingBlockingState', 'STI in HLT', watchdog, enabled, activity(1), blocking(1));
rule('guestMustBeActiveIfInjectingBlockingState', 'MOV SS in shutdown', watchdog, enabled, activity(2), blocking(2));
rule('guestHltValidInterrupts', '#GP', watchdog, activity(1), write(INJECTION, 0x80000b0d));
rule(
  'guestHltValidInterrupts',
  'software interrupt',
  watchdog,
  activity(1),
  write(INJECTION, 0x80000430),
  write(F.VmEntryInstructionLength, 2),
);
rule(
  'guestShutdownValidInterrupts',
  'external interrupt',
  watchdog,
  enabled,
  activity(2),
  write(INJECTION, 0x80000020),
);
rule('guestShutdownValidInterrupts', '#DB', watchdog, activity(2), write(INJECTION, 0x80000301));
rule('guestSipiValidInterrupts', 'NMI', activity(3), write(INJECTION, 0x80000202));
rule('guestInterruptibilityStateReserved', 'bit 5', blocking(0x20));
rule('guestInterruptibilityStateReserved', 'bit 31', blocking(0x80000000));
rule('guestInterruptibilityStateStiMovSs', 'both', enabled, blocking(3));
rule('guestInterruptibilityStateSti', 'IF 0', blocking(1));
rule('guestInterruptibilityStateExternalInterrupt', 'STI', enabled, blocking(1), write(INJECTION, 0x80000020));
rule('guestInterruptibilityStateExternalInterrupt', 'MOV SS', enabled, blocking(2), write(INJECTION, 0x80000020));
rule('guestInterruptibilityStateNmi', 'MOV SS', blocking(2), write(INJECTION, 0x80000202));
rule('guestInterruptibilityNotInSmm', 'SMI blocking', blocking(4));
rule('guestInterruptibilityStateStiAndNmi', 'STI', enabled, blocking(1), write(INJECTION, 0x80000202));
rule('guestInterruptibilityStateVirtualNmi', 'NMI blocking', virtualNmis, blocking(8), write(INJECTION, 0x80000202));
rule('guestInterruptibilityStateEnclaveInterrupt', 'no SGX', blocking(0x10));
rule('guestPendingDebugExceptionsReserved', 'bit 4', write(F.GuestPendingDebugExceptions, 0x10));
rule('guestPendingDebugExceptionsReserved', 'bit 13', write(F.GuestPendingDebugExceptions, 0x2000));
rule('guestPendingDebugExceptionsReserved', 'bit 32', write(F.GuestPendingDebugExceptions, 1n << 32n));
rule('guestPendingDebugExceptionsDbgCtl', 'STI, TF 1, BS 0', enabled, blocking(1), or(F.GuestRflags, 0x100));
rule(
  'guestPendingDebugExceptionsDbgCtl',
  'MOV SS, TF 0, BS 1',
  blocking(2),
  write(F.GuestPendingDebugExceptions, 0x4000),
);
rule(
  'guestPendingDebugExceptionsDbgCtl',
  'HLT, TF 0, BS 1',
  watchdog,
  activity(1),
  write(F.GuestPendingDebugExceptions, 0x4000),
);
rule('guestPendingDebugExceptionsRtm', 'bit 12 is 0', write(F.GuestPendingDebugExceptions, 0x10000));
rule(
  'guestPendingDebugExceptionsRtm',
  'blocking by MOV SS',
  blocking(2),
  write(F.GuestPendingDebugExceptions, 0x11000),
);
rule('guestVmcsLinkPointerBits110', 'unaligned', write(F.VmcsLinkPointer, M.otherVmcs + 1));
rule(
  'guestVmcsLinkPointerValidAddr',
  'beyond the width',
  write(F.VmcsLinkPointer, M.otherVmcs),
  beyond(F.VmcsLinkPointer),
);
rule(
  'guestVmcsLinkPointerFirstWord',
  'another revision',
  poke(M.scratch, 0x7fffffff),
  write(F.VmcsLinkPointer, M.scratch),
);
rule(
  'guestVmcsLinkPointerFirstWord',
  'no shadow VMCS with shadowing',
  secondary(Secondary.VmcsShadowing),
  write(F.VmreadBitmapAddress, M.vmreadBitmap),
  write(F.VmwriteBitmapAddress, M.vmwriteBitmap),
  write(F.VmcsLinkPointer, M.otherVmcs),
);
rule('guestVmcsLinkPointerNotInSmm', 'the current VMCS', write(F.VmcsLinkPointer, M.vmcs));
rule('guestVmcsLinkPointerNotInSmm', 'another VMCS (valid)', write(F.VmcsLinkPointer, M.otherVmcs));

// PDPTEs.
const pae = [...guestPae, write(F.GuestRip, code32())];
rule('guestValidPdpteWithEptDisabled', 'PDPTE 0 with bit 1', pae, poke(M.paePdpt, M.paePd | 3));
rule('guestValidPdpteWithEptDisabled', 'PDPTE 3 with bit 8', pae, poke(M.paePdpt + 24, (M.paePd + 0x3000) | 0x101));
rule(
  'guestValidPdpteWithEptDisabled',
  'PDPTE 3 not present with bit 1 (valid)',
  pae,
  poke(M.paePdpt + 24, (M.paePd + 0x3000) | 2),
);
const pdptes = [0, 1, 2, 3].map((entry) => write(F.GuestPdpte0 + 2 * entry, (M.paePd + entry * 0x1000) | 1));
rule('guestValidPdpteWithEptEnabled', 'as it should be (valid)', ept, pae, pdptes);
rule('guestValidPdpteWithEptEnabled', 'PDPTE 0 with bit 5', ept, pae, pdptes, or(F.GuestPdpte0, 0x20));
rule('guestValidPdpteWithEptEnabled', 'PDPTE 3 beyond the width', ept, pae, pdptes, beyond(F.GuestPdpte3));
rule(
  'guestValidPdpteWithEptEnabled',
  'PDPTE 3 not present with bit 1 (valid)',
  ept,
  pae,
  pdptes,
  write(F.GuestPdpte3, 2),
);

// MSR loading.
const load = (index, value) => [
  write(F.VmEntryMsrLoadCount, 1),
  write(F.VmEntryMsrLoadAddress, M.msrArea),
  poke(M.msrArea, index),
  poke(M.msrArea + 8, value),
];
rule('msrLoadIsNotASegmentBase', 'IA32_FS_BASE', load(0xc0000100, 0));
rule('msrLoadIsNotASegmentBase', 'IA32_GS_BASE', load(0xc0000101, 0));
rule('msrLoadIsNotAnX2apicRegister', 'MSR 808H outside x2APIC mode', load(0x808, 0));
rule('msrLoadIsNotProhibited', 'IA32_BIOS_UPDT_TRIG', load(0x79, 0));
rule('msrLoadIsNotProhibited', 'IA32_BIOS_SIGN_ID', load(0x8b, 0));
rule('msrLoadIsNotWritableInSmmOnly', 'IA32_SMM_MONITOR_CTL', load(0x9b, 0));
rule('msrLoadReservedBitsAre0', 'bit 32', load(0x174, 0), poke(M.msrArea + 4, 1));
rule('msrLoadValueIsAccepted', 'IA32_PAT of 2', load(0x277, 2));
rule('msrLoadValueIsAccepted', 'MSR 1234H', load(0x1234, 0));
rule('msrLoadValueIsAccepted', 'a capability MSR', load(0x480, 0));
rule('msrLoadValueIsAccepted', 'IA32_SYSENTER_CS (valid)', load(0x174, 0x1234));
rule(
  'msrLoadValueIsAccepted',
  'the second of two',
  load(0x174, 0),
  write(F.VmEntryMsrLoadCount, 2),
  poke(M.msrArea + 16, 0x277),
  poke(M.msrArea + 24, 2),
);

// The order in which breaches are reported.
rule('order', 'control before host', write(F.Cr3TargetCount, 5), write(F.HostCsSelector, 0));
rule('order', 'host before guest', write(F.HostCsSelector, 0), or(F.GuestRflags, 8));
rule('order', 'guest state before MSR loading', or(F.GuestRflags, 8), load(0xc0000100, 0));

/** All cases of VM-entry rules. */
export const ruleCases = list;
