// SPDX-License-Identifier: LGPL-2.1-only
// Model-specific registers by name, address and bit. SDM 4 "Architectural MSRs"; VMX capabilities: SDM 3D appendix
// "VMX Capability Reporting Facility".
import { bits, bitFieldsOf, inHighHalf, snakeCase, type BitField } from '../bit_fields.js';
import { controlBitFields, type ControlWord } from '../vmx/control_bits.js';
import { Bndcfgs, debugctlFields, eferFields, patFields, perfGlobalCtrlFields } from './registers.js';

// Read-only MSRs (WRMSR is #GP) are in a separate table, so that their types differ.
const readOnlyMsrs = {
  Ia32PlatformId: 0x17,
  MsrPlatformInfo: 0xce,
  Ia32Mtrrcap: 0xfe,
  Ia32ArchCapabilities: 0x10a,
  Ia32McgCap: 0x179,
  Ia32PerfStatus: 0x198,
  Ia32PerfCapabilities: 0x345,
  Ia32PerfGlobalStatus: 0x38e,
} as const;

// SDM 3D "VMX Capability Reporting Facility"
const vmxCapabilityMsrs = {
  Ia32VmxBasic: 0x480,
  Ia32VmxPinbasedCtls: 0x481,
  Ia32VmxProcbasedCtls: 0x482,
  Ia32VmxExitCtls: 0x483,
  Ia32VmxEntryCtls: 0x484,
  Ia32VmxMisc: 0x485,
  Ia32VmxCr0Fixed0: 0x486,
  Ia32VmxCr0Fixed1: 0x487,
  Ia32VmxCr4Fixed0: 0x488,
  Ia32VmxCr4Fixed1: 0x489,
  Ia32VmxVmcsEnum: 0x48a,
  Ia32VmxProcbasedCtls2: 0x48b,
  Ia32VmxEptVpidCap: 0x48c,
  Ia32VmxTruePinbasedCtls: 0x48d,
  Ia32VmxTrueProcbasedCtls: 0x48e,
  Ia32VmxTrueExitCtls: 0x48f,
  Ia32VmxTrueEntryCtls: 0x490,
  Ia32VmxVmfunc: 0x491,
  Ia32VmxProcbasedCtls3: 0x492,
  Ia32VmxExitCtls2: 0x493,
} as const;

/** The addresses of MSRs. */
export const Msr = {
  ...readOnlyMsrs,
  Ia32P5McAddr: 0x0,
  Ia32P5McType: 0x1,
  Ia32TimeStampCounter: 0x10,
  Ia32ApicBase: 0x1b,
  Ia32FeatureControl: 0x3a,
  Ia32TscAdjust: 0x3b,
  Ia32SpecCtrl: 0x48,
  Ia32PredCmd: 0x49,
  Ia32BiosUpdtTrig: 0x79,
  Ia32BiosSignId: 0x8b,
  Ia32SmmMonitorCtl: 0x9b,
  Ia32Smbase: 0x9e,
  Ia32Pmc0: 0xc1,
  Ia32Mperf: 0xe7,
  Ia32Aperf: 0xe8,
  Ia32FlushCmd: 0x10b,
  Ia32SysenterCs: 0x174,
  Ia32SysenterEsp: 0x175,
  Ia32SysenterEip: 0x176,
  Ia32McgStatus: 0x17a,
  Ia32McgCtl: 0x17b,
  Ia32Perfevtsel0: 0x186,
  Ia32PerfCtl: 0x199,
  Ia32ThermInterrupt: 0x19b,
  Ia32ThermStatus: 0x19c,
  Ia32MiscEnable: 0x1a0,
  Ia32EnergyPerfBias: 0x1b0,
  Ia32PackageThermStatus: 0x1b1,
  Ia32Debugctl: 0x1d9,
  Ia32SmrrPhysbase: 0x1f2,
  Ia32SmrrPhysmask: 0x1f3,
  Ia32MtrrPhysbase0: 0x200,
  Ia32MtrrPhysmask0: 0x201,
  Ia32MtrrFix64k00000: 0x250,
  Ia32MtrrFix16k80000: 0x258,
  Ia32MtrrFix16kA0000: 0x259,
  Ia32MtrrFix4kC0000: 0x268,
  Ia32Pat: 0x277,
  Ia32MtrrDefType: 0x2ff,
  Ia32FixedCtr0: 0x309,
  Ia32FixedCtrCtrl: 0x38d,
  Ia32PerfGlobalCtrl: 0x38f,
  Ia32PerfGlobalStatusReset: 0x390,
  Ia32Mc0Ctl: 0x400,
  ...vmxCapabilityMsrs,
  Ia32RtitCtl: 0x570,
  Ia32DsArea: 0x600,
  Ia32TscDeadline: 0x6e0,
  Ia32UCet: 0x6a0,
  Ia32SCet: 0x6a2,
  Ia32InterruptSspTableAddr: 0x6a8,
  Ia32Pkrs: 0x6e1,
  Ia32X2apicApicid: 0x802,
  Ia32Bndcfgs: 0xd90,
  Ia32Xss: 0xda0,
  Ia32LbrCtl: 0x14ce,
  Ia32Efer: 0xc0000080,
  Ia32Star: 0xc0000081,
  Ia32Lstar: 0xc0000082,
  Ia32Cstar: 0xc0000083,
  Ia32Fmask: 0xc0000084,
  Ia32FsBase: 0xc0000100,
  Ia32GsBase: 0xc0000101,
  Ia32KernelGsBase: 0xc0000102,
  Ia32TscAux: 0xc0000103,
} as const;

/** MSRs that only a processor with VMX or SMX has. Code that hides VMX hides them too. SDM 4 "Architectural MSRs". */
export const vmxMsrs: readonly number[] = [
  ...Object.values(vmxCapabilityMsrs),
  Msr.Ia32FeatureControl,
  Msr.Ia32SmmMonitorCtl,
];

/** The address of an MSR that has a name here. */
export type Msr = (typeof Msr)[keyof typeof Msr];

/** The name of an MSR as code spells it. */
export type MsrName = keyof typeof Msr;

/** The MSRs that software cannot write. */
export type ReadOnlyMsrName = keyof typeof readOnlyMsrs | keyof typeof vmxCapabilityMsrs;

/** IA32_ARCH_CAPABILITIES, bits 31:0. SDM 4 "Architectural MSRs". */
export const ArchCapabilities = {
  RdclNo: 1 << 0,
  IbrsAll: 1 << 1,
  Rsba: 1 << 2,
  SkipL1dflVmentry: 1 << 3,
  SsbNo: 1 << 4,
  MdsNo: 1 << 5,
  IfPschangeMcNo: 1 << 6,
  TsxCtrl: 1 << 7,
  TaaNo: 1 << 8,
  SbdrSsdpNo: 1 << 13,
  FbsdpNo: 1 << 14,
  PsdpNo: 1 << 15,
  FbClear: 1 << 17,
  Rrsba: 1 << 19,
  BhiNo: 1 << 20,
  PbrsbNo: 1 << 24,
  GdsCtrl: 1 << 25,
  GdsNo: 1 << 26,
  RfdsNo: 1 << 27,
  RfdsClear: 1 << 28,
} as const;

/** IA32_ARCH_CAPABILITIES, bits 63:32. */
export const ArchCapabilitiesHigh = { ItsNo: 1 << 30 } as const;

/** IA32_SPEC_CTRL, IA32_PRED_CMD and IA32_FLUSH_CMD. SDM 4 "Architectural MSRs". */
export const SpecCtrl = { Ibrs: 1 << 0, Stibp: 1 << 1, Ssbd: 1 << 2 } as const;
export const PredCmd = { Ibpb: 1 << 0 } as const;
export const FlushCmd = { L1dFlush: 1 << 0 } as const;

/** IA32_FEATURE_CONTROL. SDM 4 "Architectural MSRs". */
export const FeatureControl = {
  LockBit: 1 << 0,
  EnableVmxInsideSmx: 1 << 1,
  EnableVmxOutsideSmx: 1 << 2,
  SenterLocalFunctionEnables: 0x7f00,
  SenterGlobalFunctionEnable: 1 << 15,
  SgxLaunchControlEnable: 1 << 17,
  SgxGlobalEnable: 1 << 18,
  Lmce: 1 << 20,
} as const;

/** IA32_APIC_BASE. SDM 3A "Local APIC Status and Location". */
export const ApicBase = {
  Bsp: 1 << 8,
  EnableX2apicMode: 1 << 10,
  ApicGlobalEnable: 1 << 11,
} as const;

/** IA32_MISC_ENABLE, bits 31:0. SDM 4 "Architectural MSRs". */
export const MiscEnable = {
  FastStringsEnable: 1 << 0,
  AutomaticThermalControlCircuitEnable: 1 << 3,
  PerformanceMonitoringAvailable: 1 << 7,
  BranchTraceStorageUnavailable: 1 << 11,
  PebsUnavailable: 1 << 12,
  EnhancedIntelSpeedstepTechnologyEnable: 1 << 16,
  EnableMonitorFsm: 1 << 18,
  LimitCpuidMaxval: 1 << 22,
  XtprMessageDisable: 1 << 23,
} as const;

/** IA32_MISC_ENABLE, bits 63:32, as masks of the high half. */
export const MiscEnableHigh = {
  XdBitDisable: 1 << 2,
} as const;

/** IA32_MTRR_DEF_TYPE. SDM 3A "IA32_MTRR_DEF_TYPE MSR". */
export const MtrrDefType = {
  Type: 0xff,
  FixedRangeEnable: 1 << 10,
  Enable: 1 << 11,
} as const;

/** IA32_MTRR_PHYSBASEn, bits 31:0 below the address. SDM 3A "Variable Range MTRRs". */
export const MtrrPhysbase = {
  Type: 0xff,
  Reserved: 0xf00,
} as const;

/** IA32_MTRR_PHYSMASKn, bits 31:0 below the mask. SDM 3A "Variable Range MTRRs". */
export const MtrrPhysmask = {
  Reserved: 0x7ff,
  Valid: 1 << 11,
} as const;

/** The MSRs of last branches, the first of each run. SDM 4 "MSRs in the 6th Generation Intel Core Processors". */
export const LastBranchMsr = {
  /** MSR_LBR_SELECT, then MSR_LASTBRANCH_TOS. */
  LbrSelect: 0x1c8,
  /** The last branch's FROM_IP and TO_IP, then those of the last exception. */
  LastBranchFromIp: 0x1db,
  FromIp0: 0x680,
  ToIp0: 0x6c0,
  Info0: 0xdc0,
} as const;

/** The first and last MSR of the local APIC in x2APIC mode. SDM 3A "x2APIC Register Address Space". */
export const X2apicMsr = { First: 0x800, Last: 0x8ff } as const;

/** The fixed-range MTRRs in order of the memory that they describe. SDM 3A "Fixed Range MTRRs". */
export const fixedMtrrAddresses: readonly number[] = [
  Msr.Ia32MtrrFix64k00000,
  Msr.Ia32MtrrFix16k80000,
  Msr.Ia32MtrrFix16kA0000,
  ...[0, 1, 2, 3, 4, 5, 6, 7].map((index) => Msr.Ia32MtrrFix4kC0000 + index),
];

/** IA32_VMX_MISC. SDM 3D "Miscellaneous Data". */
export const VmxMisc = {
  PreemptionTimerDecrement: 0x1f,
  StoreEferLmaOnVmExit: 1 << 5,
  ActivityStateHltSupport: 1 << 6,
  ActivityStateShutdownSupport: 1 << 7,
  ActivityStateWaitForSipiSupport: 1 << 8,
  ProcessorTraceSupport: 1 << 14,
  RdmsrInSmmSupport: 1 << 15,
  Cr3Targets: 0x1ff0000,
  MaxNumMsrLoadStoreOnExit: 7 << 25,
  VmxoffBlockedSmiSupport: 1 << 28,
  VmwriteAllFieldsSupport: 1 << 29,
  InjectionWithInstructionLengthOfZero: 1 << 30,
} as const;

/** IA32_VMX_EPT_VPID_CAP, bits 31:0. SDM 3D "VPID and EPT Capabilities". */
export const EptCapability = {
  ExecuteOnlyTranslation: 1 << 0,
  PageWalkLengthOf4: 1 << 6,
  PageWalkLengthOf5: 1 << 7,
  MemoryTypeUncacheableSupported: 1 << 8,
  MemoryTypeWriteBackSupported: 1 << 14,
  Pde2mbSupport: 1 << 16,
  Pdpte1gbSupport: 1 << 17,
  InveptSupport: 1 << 20,
  AccessedDirtySupport: 1 << 21,
  AdvancedVmExitInformation: 1 << 22,
  SupervisorShadowStackControl: 1 << 23,
  InveptSingleContextSupport: 1 << 25,
  InveptAllContextSupport: 1 << 26,
} as const;

/** IA32_VMX_EPT_VPID_CAP, bits 63:32, as masks of the high half. */
export const VpidCapability = {
  InvvpidSupport: 1 << 0,
  InvvpidIndividualAddressSupport: 1 << 8,
  InvvpidSingleContextSupport: 1 << 9,
  InvvpidAllContextSupport: 1 << 10,
  InvvpidSingleContextRetainingGlobalsSupport: 1 << 11,
} as const;

/** IA32_VMX_BASIC, bits 63:32, as masks of the high half. SDM 3D "Basic VMX Information". */
export const VmxBasicHigh = {
  VmxonVmcsRegionSize: 0x1fff,
  PhysicalAddressWidth: 1 << 16,
  DualMonitorModeSupport: 1 << 17,
  MemoryType: 0xf << 18,
  InsOutsExitInformation: 1 << 22,
  TrueBasedControls: 1 << 23,
  InjectHardwareExceptionWithoutErrorCode: 1 << 24,
} as const;

/** The bit fields of each MSR that has any, except those of `capabilityWords`. */
export const msrBits = {
  Ia32ApicBase: [...bitFieldsOf(ApicBase), bits('apic_base', 12, 51)],
  Ia32FeatureControl: bitFieldsOf(FeatureControl, ['SenterLocalFunctionEnables']),
  Ia32ArchCapabilities: [...bitFieldsOf(ArchCapabilities), ...inHighHalf(bitFieldsOf(ArchCapabilitiesHigh))],
  Ia32SpecCtrl: bitFieldsOf(SpecCtrl),
  Ia32PredCmd: bitFieldsOf(PredCmd),
  Ia32FlushCmd: bitFieldsOf(FlushCmd),
  Ia32Mtrrcap: [bits('vcnt', 0, 7), bits('fix', 8), bits('wc', 10), bits('smrr', 11)],
  Ia32MiscEnable: [...bitFieldsOf(MiscEnable), ...inHighHalf(bitFieldsOf(MiscEnableHigh))],
  Ia32Debugctl: debugctlFields,
  Ia32Pat: patFields,
  Ia32MtrrDefType: [bits('default_memory_type', 0, 2), bits('fixed_range_mtrr_enable', 10), bits('mtrr_enable', 11)],
  Ia32PerfGlobalCtrl: perfGlobalCtrlFields,
  Ia32VmxBasic: [
    bits('revision_id', 0, 30),
    ...inHighHalf(bitFieldsOf(VmxBasicHigh, ['VmxonVmcsRegionSize', 'MemoryType'])),
  ],
  Ia32VmxMisc: bitFieldsOf(VmxMisc, ['PreemptionTimerDecrement', 'Cr3Targets', 'MaxNumMsrLoadStoreOnExit']),
  Ia32VmxVmcsEnum: [bits('highest_index', 1, 9)],
  Ia32VmxEptVpidCap: [...bitFieldsOf(EptCapability), ...inHighHalf(bitFieldsOf(VpidCapability))],
  Ia32Bndcfgs: [...bitFieldsOf(Bndcfgs), bits('reserved', 2, 11), bits('base_addr_of_bnd_directory', 12, 63)],
  Ia32Efer: eferFields,
  Ia32Star: [bits('syscall_cs_and_ss', 32, 47), bits('sysret_cs_and_ss', 48, 63)],
} as const satisfies Readonly<Partial<Record<MsrName, readonly BitField[]>>>;

/**
 * The MSRs whose named bits are controls, with the word of controls: bits 31:0 say which may be 0 and bits 63:32 which may be 1, or (of the
 * 64-bit words) each bit which may be 1. SDM 3D "VMX Capability Reporting Facility".
 */
export const capabilityWords = {
  Ia32VmxPinbasedCtls: 'pin',
  Ia32VmxProcbasedCtls: 'primary',
  Ia32VmxExitCtls: 'exit',
  Ia32VmxEntryCtls: 'entry',
  Ia32VmxProcbasedCtls2: 'secondary',
  Ia32VmxTruePinbasedCtls: 'pin',
  Ia32VmxTrueProcbasedCtls: 'primary',
  Ia32VmxTrueExitCtls: 'exit',
  Ia32VmxTrueEntryCtls: 'entry',
  Ia32VmxVmfunc: 'vmfunc',
  Ia32VmxProcbasedCtls3: 'tertiary',
  Ia32VmxExitCtls2: 'secondaryExit',
} as const satisfies Readonly<Partial<Record<MsrName, ControlWord>>>;

/** An MSR with its bit fields. */
export interface MsrDefinition {
  readonly address: number;
  /** snake_case, the SDM's name. */
  readonly name: string;
  readonly fields: readonly BitField[];
  /** WRMSR to it is #GP. */
  readonly readOnly: boolean;
  /** The word of controls whose allowed settings it reports. */
  readonly capabilityOf: ControlWord | undefined;
  /** SDM section title. */
  readonly section: string;
}

function ownFields(name: MsrName): readonly BitField[] {
  return (msrBits as Readonly<Partial<Record<MsrName, readonly BitField[]>>>)[name] ?? [];
}

function define(name: MsrName): MsrDefinition {
  const isVmxCapability = name in vmxCapabilityMsrs;
  const capabilityOf = (capabilityWords as Readonly<Partial<Record<MsrName, ControlWord>>>)[name];
  return {
    address: Msr[name],
    name: snakeCase(name),
    fields: capabilityOf === undefined ? ownFields(name) : controlBitFields[capabilityOf],
    readOnly: isVmxCapability || name in readOnlyMsrs,
    capabilityOf,
    section: isVmxCapability ? 'SDM 3D "VMX Capability Reporting Facility"' : 'SDM 4 "Architectural MSRs"',
  };
}

/** All MSRs with a name, in order of address. */
export const msrDefinitions: readonly MsrDefinition[] = (Object.keys(Msr) as MsrName[])
  .map(define)
  .sort((a, b) => a.address - b.address);

const byAddress = new Map(msrDefinitions.map((definition) => [definition.address, definition]));

/** The definition of an MSR, undefined for an address without a name. */
export function msrDefinition(address: number): MsrDefinition | undefined {
  return byAddress.get(address);
}

/** The name of an MSR, or its address in hexadecimal. */
export function msrName(address: number): string {
  return byAddress.get(address)?.name ?? `0x${address.toString(16).toUpperCase()}`;
}
