// SPDX-License-Identifier: LGPL-2.1-only
// The one table of VMCS fields. SDM 3D appendix "Field Encoding in VMCS"; contents: SDM 3C "Virtual Machine Control Structures".
// The encoding gives width and group. vmcs_field_details.ts has all other facts about a field.

// Exit-information fields are in a separate table, so that their types are read-only.

// SDM 3D "64-Bit Read-Only Data Fields"
const readOnly64 = {
  GuestPhysicalAddress: 0x2400,
} as const;

// SDM 3D "32-Bit Read-Only Data Fields"
const readOnly32 = {
  VmInstructionError: 0x4400,
  ExitReason: 0x4402,
  VmExitInterruptionInformation: 0x4404,
  VmExitInterruptionErrorCode: 0x4406,
  IdtVectoringInformation: 0x4408,
  IdtVectoringErrorCode: 0x440a,
  VmExitInstructionLength: 0x440c,
  VmExitInstructionInformation: 0x440e,
} as const;

// SDM 3D "Natural-Width Read-Only Data Fields"
const readOnlyNatural = {
  ExitQualification: 0x6400,
  IoRcx: 0x6402,
  IoRsi: 0x6404,
  IoRdi: 0x6406,
  IoRip: 0x6408,
  GuestLinearAddress: 0x640a,
} as const;

/** The encoding of each VMCS field, by the SDM's name. */
export const VmcsField = {
  // SDM 3D "16-Bit Control Fields"
  VirtualProcessorIdentifier: 0x0000,
  PostedInterruptNotificationVector: 0x0002,
  EptpIndex: 0x0004,
  HlatPrefixSize: 0x0006,
  LastPidPointerIndex: 0x0008,

  // SDM 3D "16-Bit Guest-State Fields"
  GuestEsSelector: 0x0800,
  GuestCsSelector: 0x0802,
  GuestSsSelector: 0x0804,
  GuestDsSelector: 0x0806,
  GuestFsSelector: 0x0808,
  GuestGsSelector: 0x080a,
  GuestLdtrSelector: 0x080c,
  GuestTrSelector: 0x080e,
  GuestInterruptStatus: 0x0810,
  PmlIndex: 0x0812,
  GuestUinv: 0x0814,

  // SDM 3D "16-Bit Host-State Fields"
  HostEsSelector: 0x0c00,
  HostCsSelector: 0x0c02,
  HostSsSelector: 0x0c04,
  HostDsSelector: 0x0c06,
  HostFsSelector: 0x0c08,
  HostGsSelector: 0x0c0a,
  HostTrSelector: 0x0c0c,

  // SDM 3D "64-Bit Control Fields"
  AddressOfIoBitmapA: 0x2000,
  AddressOfIoBitmapB: 0x2002,
  AddressOfMsrBitmap: 0x2004,
  VmExitMsrStoreAddress: 0x2006,
  VmExitMsrLoadAddress: 0x2008,
  VmEntryMsrLoadAddress: 0x200a,
  ExecutiveVmcsPointer: 0x200c,
  PmlAddress: 0x200e,
  TscOffset: 0x2010,
  VirtualApicAddress: 0x2012,
  ApicAccessAddress: 0x2014,
  PostedInterruptDescriptorAddress: 0x2016,
  VmFunctionControls: 0x2018,
  EptPointer: 0x201a,
  EoiExitBitmap0: 0x201c,
  EoiExitBitmap1: 0x201e,
  EoiExitBitmap2: 0x2020,
  EoiExitBitmap3: 0x2022,
  EptpListAddress: 0x2024,
  VmreadBitmapAddress: 0x2026,
  VmwriteBitmapAddress: 0x2028,
  VirtualizationExceptionInformationAddress: 0x202a,
  XssExitingBitmap: 0x202c,
  EnclsExitingBitmap: 0x202e,
  SubPagePermissionTablePointer: 0x2030,
  TscMultiplier: 0x2032,
  TertiaryProcessorBasedVmExecutionControls: 0x2034,
  EnclvExitingBitmap: 0x2036,
  PconfigExitingBitmap: 0x203e,
  HlatPointer: 0x2040,
  PidPointerTableAddress: 0x2042,
  SecondaryVmExitControls: 0x2044,
  Ia32SpecCtrlMask: 0x204a,
  Ia32SpecCtrlShadow: 0x204c,

  ...readOnly64,

  // SDM 3D "64-Bit Guest-State Fields"
  VmcsLinkPointer: 0x2800,
  GuestIa32Debugctl: 0x2802,
  GuestIa32Pat: 0x2804,
  GuestIa32Efer: 0x2806,
  GuestIa32PerfGlobalCtrl: 0x2808,
  GuestPdpte0: 0x280a,
  GuestPdpte1: 0x280c,
  GuestPdpte2: 0x280e,
  GuestPdpte3: 0x2810,
  GuestIa32Bndcfgs: 0x2812,
  GuestIa32RtitCtl: 0x2814,
  GuestIa32LbrCtl: 0x2816,
  GuestIa32Pkrs: 0x2818,

  // SDM 3D "64-Bit Host-State Fields"
  HostIa32Pat: 0x2c00,
  HostIa32Efer: 0x2c02,
  HostIa32PerfGlobalCtrl: 0x2c04,
  HostIa32Pkrs: 0x2c06,

  // SDM 3D "32-Bit Control Fields"
  PinBasedVmExecutionControls: 0x4000,
  PrimaryProcessorBasedVmExecutionControls: 0x4002,
  ExceptionBitmap: 0x4004,
  PageFaultErrorCodeMask: 0x4006,
  PageFaultErrorCodeMatch: 0x4008,
  Cr3TargetCount: 0x400a,
  VmExitControls: 0x400c,
  VmExitMsrStoreCount: 0x400e,
  VmExitMsrLoadCount: 0x4010,
  VmEntryControls: 0x4012,
  VmEntryMsrLoadCount: 0x4014,
  VmEntryInterruptionInformationField: 0x4016,
  VmEntryExceptionErrorCode: 0x4018,
  VmEntryInstructionLength: 0x401a,
  TprThreshold: 0x401c,
  SecondaryProcessorBasedVmExecutionControls: 0x401e,
  PleGap: 0x4020,
  PleWindow: 0x4022,
  InstructionTimeoutControl: 0x4024,

  ...readOnly32,

  // SDM 3D "32-Bit Guest-State Fields"
  GuestEsLimit: 0x4800,
  GuestCsLimit: 0x4802,
  GuestSsLimit: 0x4804,
  GuestDsLimit: 0x4806,
  GuestFsLimit: 0x4808,
  GuestGsLimit: 0x480a,
  GuestLdtrLimit: 0x480c,
  GuestTrLimit: 0x480e,
  GuestGdtrLimit: 0x4810,
  GuestIdtrLimit: 0x4812,
  GuestEsAccessRights: 0x4814,
  GuestCsAccessRights: 0x4816,
  GuestSsAccessRights: 0x4818,
  GuestDsAccessRights: 0x481a,
  GuestFsAccessRights: 0x481c,
  GuestGsAccessRights: 0x481e,
  GuestLdtrAccessRights: 0x4820,
  GuestTrAccessRights: 0x4822,
  GuestInterruptibilityState: 0x4824,
  GuestActivityState: 0x4826,
  GuestSmbase: 0x4828,
  GuestIa32SysenterCs: 0x482a,
  VmxPreemptionTimerValue: 0x482e,

  // SDM 3D "32-Bit Host-State Fields"
  HostIa32SysenterCs: 0x4c00,

  // SDM 3D "Natural-Width Control Fields"
  Cr0GuestHostMask: 0x6000,
  Cr4GuestHostMask: 0x6002,
  Cr0ReadShadow: 0x6004,
  Cr4ReadShadow: 0x6006,
  Cr3TargetValue0: 0x6008,
  Cr3TargetValue1: 0x600a,
  Cr3TargetValue2: 0x600c,
  Cr3TargetValue3: 0x600e,

  ...readOnlyNatural,

  // SDM 3D "Natural-Width Guest-State Fields"
  GuestCr0: 0x6800,
  GuestCr3: 0x6802,
  GuestCr4: 0x6804,
  GuestEsBase: 0x6806,
  GuestCsBase: 0x6808,
  GuestSsBase: 0x680a,
  GuestDsBase: 0x680c,
  GuestFsBase: 0x680e,
  GuestGsBase: 0x6810,
  GuestLdtrBase: 0x6812,
  GuestTrBase: 0x6814,
  GuestGdtrBase: 0x6816,
  GuestIdtrBase: 0x6818,
  GuestDr7: 0x681a,
  GuestRsp: 0x681c,
  GuestRip: 0x681e,
  GuestRflags: 0x6820,
  GuestPendingDebugExceptions: 0x6822,
  GuestIa32SysenterEsp: 0x6824,
  GuestIa32SysenterEip: 0x6826,
  GuestIa32SCet: 0x6828,
  GuestSsp: 0x682a,
  GuestIa32InterruptSspTableAddr: 0x682c,

  // SDM 3D "Natural-Width Host-State Fields"
  HostCr0: 0x6c00,
  HostCr3: 0x6c02,
  HostCr4: 0x6c04,
  HostFsBase: 0x6c06,
  HostGsBase: 0x6c08,
  HostTrBase: 0x6c0a,
  HostGdtrBase: 0x6c0c,
  HostIdtrBase: 0x6c0e,
  HostIa32SysenterEsp: 0x6c10,
  HostIa32SysenterEip: 0x6c12,
  HostRsp: 0x6c14,
  HostRip: 0x6c16,
  HostIa32SCet: 0x6c18,
  HostSsp: 0x6c1a,
  HostIa32InterruptSspTableAddr: 0x6c1c,
} as const;

/** The encoding of a field that has a name here. */
export type VmcsField = (typeof VmcsField)[keyof typeof VmcsField];

/** The name of a field as code spells it. */
export type VmcsFieldName = keyof typeof VmcsField;

/** The fields that only the processor writes. */
export type ReadOnlyVmcsFieldName = keyof typeof readOnly64 | keyof typeof readOnly32 | keyof typeof readOnlyNatural;

/** How many bits a field has. `natural` is 64 on a processor with Intel 64 architecture. */
export type VmcsFieldWidth = 16 | 32 | 64 | 'natural';

/** What a field belongs to. */
export type VmcsFieldGroup = 'control' | 'readonly' | 'guest' | 'host';

const widths: readonly VmcsFieldWidth[] = [16, 64, 32, 'natural'];
const groups: readonly VmcsFieldGroup[] = ['control', 'readonly', 'guest', 'host'];

/** Bits 14:13 of the encoding. SDM 3C "VMREAD, VMWRITE, and Encodings of VMCS Fields". */
export function widthOfField(encoding: number): VmcsFieldWidth {
  return widths[(encoding >>> 13) & 3]!;
}

/** Bits 11:10 of the encoding. */
export function groupOfField(encoding: number): VmcsFieldGroup {
  return groups[(encoding >>> 10) & 3]!;
}

/** Bytes that the value takes: 2, 4 or 8. */
export function bytesOfField(encoding: number): 2 | 4 | 8 {
  const width = widthOfField(encoding);
  return width === 16 ? 2 : width === 32 ? 4 : 8;
}

/** Exit information: VMWRITE to it fails with error 13 unless IA32_VMX_MISC[29] is 1. */
export function isReadOnlyField(encoding: number): boolean {
  return (encoding & 0x0c00) === 0x0400;
}

/** The encoding that accesses bits 63:32 of a 64-bit field: bit 0 is the access type. */
export function highAccessOf(encoding: number): number {
  return encoding | 1;
}
