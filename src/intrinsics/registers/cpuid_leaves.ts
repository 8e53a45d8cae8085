// SPDX-License-Identifier: LGPL-2.1-only
// CPUID leaves by name, register and bit. SDM 2A "CPUID—CPU Identification".
import { bitFieldsOf, bits, snakeCase, type BitField } from '../bit_fields.js';

/** The numbers of CPUID leaves. */
export const CpuidLeaf = {
  VendorIdentification: 0x0,
  FeatureInformation: 0x1,
  CacheAndTlbInformation: 0x2,
  DeterministicCacheParameters: 0x4,
  MonitorMwait: 0x5,
  ThermalAndPowerManagement: 0x6,
  ExtendedFeatureFlags: 0x7,
  ArchPerfMonitoring: 0xa,
  ExtendedTopology: 0xb,
  ExtendedState: 0xd,
  TimeStampCounter: 0x15,
  ProcessorFrequency: 0x16,
  ExtendedMaximum: 0x80000000,
  ExtendedProcessorInformation: 0x80000001,
  BrandString0: 0x80000002,
  BrandString1: 0x80000003,
  BrandString2: 0x80000004,
  ExtendedCache: 0x80000006,
  AdvancedPowerManagement: 0x80000007,
  AddrSize: 0x80000008,
} as const;

/** CPUID.1:ECX. */
export const FeatureInformationEcx = {
  Sse3: 1 << 0,
  Pclmulqdq: 1 << 1,
  Dtes64: 1 << 2,
  Monitor: 1 << 3,
  DsCpl: 1 << 4,
  Vmx: 1 << 5,
  Smx: 1 << 6,
  Eist: 1 << 7,
  Tm2: 1 << 8,
  Ssse3: 1 << 9,
  CnxtId: 1 << 10,
  Sdbg: 1 << 11,
  Fma: 1 << 12,
  Cmpxchg16b: 1 << 13,
  XtprUpdateControl: 1 << 14,
  Pdcm: 1 << 15,
  Pcid: 1 << 17,
  Dca: 1 << 18,
  Sse41: 1 << 19,
  Sse42: 1 << 20,
  X2apic: 1 << 21,
  Movbe: 1 << 22,
  Popcnt: 1 << 23,
  TscDeadline: 1 << 24,
  Aesni: 1 << 25,
  Xsave: 1 << 26,
  Osxsave: 1 << 27,
  Avx: 1 << 28,
  F16c: 1 << 29,
  Rdrand: 1 << 30,
  Hypervisor: 0x80000000,
} as const;

/** CPUID.1:EDX. */
export const FeatureInformationEdx = {
  Fpu: 1 << 0,
  Vme: 1 << 1,
  De: 1 << 2,
  Pse: 1 << 3,
  Tsc: 1 << 4,
  Msr: 1 << 5,
  Pae: 1 << 6,
  Mce: 1 << 7,
  Cx8: 1 << 8,
  Apic: 1 << 9,
  Sep: 1 << 11,
  Mtrr: 1 << 12,
  Pge: 1 << 13,
  Mca: 1 << 14,
  Cmov: 1 << 15,
  Pat: 1 << 16,
  Pse36: 1 << 17,
  Psn: 1 << 18,
  Clfsh: 1 << 19,
  Ds: 1 << 21,
  Acpi: 1 << 22,
  Mmx: 1 << 23,
  Fxsr: 1 << 24,
  Sse: 1 << 25,
  Sse2: 1 << 26,
  SelfSnoop: 1 << 27,
  Htt: 1 << 28,
  Tm: 1 << 29,
  Pbe: 0x80000000,
} as const;

/** CPUID.1:EBX: what follows the processor's state. */
export const FeatureInformationEbx = {
  InitialApicId: 0xff000000,
} as const;

/** CPUID.(7,0):EBX. */
export const ExtendedFeatureFlagsEbx = {
  Fsgsbase: 1 << 0,
  Ia32TscAdjust: 1 << 1,
  Sgx: 1 << 2,
  Bmi1: 1 << 3,
  Hle: 1 << 4,
  Avx2: 1 << 5,
  FdpExcptnOnly: 1 << 6,
  Smep: 1 << 7,
  Bmi2: 1 << 8,
  EnhancedRep: 1 << 9,
  Invpcid: 1 << 10,
  Rtm: 1 << 11,
  RdtM: 1 << 12,
  DeprecatedFpuCsDs: 1 << 13,
  Mpx: 1 << 14,
  RdtA: 1 << 15,
  Avx512f: 1 << 16,
  Avx512dq: 1 << 17,
  Rdseed: 1 << 18,
  Adx: 1 << 19,
  Smap: 1 << 20,
  Clflushopt: 1 << 23,
  Clwb: 1 << 24,
  ProcessorTrace: 1 << 25,
  Sha: 1 << 29,
} as const;

/** CPUID.(7,0):ECX. */
export const ExtendedFeatureFlagsEcx = {
  Prefetchwt1: 1 << 0,
  Avx512Vbmi: 1 << 1,
  Umip: 1 << 2,
  Pku: 1 << 3,
  Ospke: 1 << 4,
  Waitpkg: 1 << 5,
  CetSs: 1 << 7,
  La57: 1 << 16,
  Rdpid: 1 << 22,
  BusLockDetect: 1 << 24,
} as const;

/** CPUID.(7,0):EDX. */
export const ExtendedFeatureFlagsEdx = {
  MdClear: 1 << 10,
  CetIbt: 1 << 20,
  IbrsIbpb: 1 << 26,
  Stibp: 1 << 27,
  L1dFlush: 1 << 28,
  Ia32ArchCapabilities: 1 << 29,
  Ssbd: 0x80000000,
} as const;

/** CPUID.(0DH,1):EAX. */
export const ExtendedStateFeatures = {
  Xsaveopt: 1 << 0,
  Xsavec: 1 << 1,
  Xgetbv1: 1 << 2,
  XsavesXrstors: 1 << 3,
} as const;

/** CPUID.80000001H:EDX. */
export const ExtendedProcessorInformationEdx = {
  Syscall: 1 << 11,
  ExecuteDisable: 1 << 20,
  Page1gb: 1 << 26,
  Rdtscp: 1 << 27,
  Intel64: 1 << 29,
} as const;

/** CPUID.80000001H:ECX. */
export const ExtendedProcessorInformationEcx = {
  LahfSahf: 1 << 0,
  Lzcnt: 1 << 5,
  Prefetchw: 1 << 8,
} as const;

/** The registers that CPUID fills, in the order in which the `Cpuid` interface gives them. */
export const cpuidRegisterNames = ['eax', 'ebx', 'ecx', 'edx'] as const;

/** A register that CPUID fills. */
export type CpuidRegisterName = (typeof cpuidRegisterNames)[number];

/** Bit fields of the registers of a leaf or subleaf. */
export type CpuidRegisterFields = Readonly<Partial<Record<CpuidRegisterName, readonly BitField[]>>>;

/** Bit fields of a leaf by register, or by subleaf (`subleaf0`: ECX = 0) and register. */
export type CpuidLeafFields = CpuidRegisterFields | Readonly<Record<`subleaf${number}`, CpuidRegisterFields>>;

/** The bit fields of each leaf that has any. */
export const cpuidLeafBits = {
  VendorIdentification: { eax: [bits('maximum_leaf', 0, 31)] },
  FeatureInformation: {
    eax: [
      bits('stepping_id', 0, 3),
      bits('model', 4, 7),
      bits('family_id', 8, 11),
      bits('processor_type', 12, 13),
      bits('extended_model_id', 16, 19),
      bits('extended_family_id', 20, 27),
    ],
    ebx: [
      bits('brand_index', 0, 7),
      bits('clflush_line_size', 8, 15),
      bits('maximum_addressable_ids', 16, 23),
      ...bitFieldsOf(FeatureInformationEbx, ['InitialApicId']),
    ],
    ecx: bitFieldsOf(FeatureInformationEcx),
    edx: bitFieldsOf(FeatureInformationEdx),
  },
  ExtendedFeatureFlags: {
    subleaf0: {
      ebx: bitFieldsOf(ExtendedFeatureFlagsEbx),
      ecx: bitFieldsOf(ExtendedFeatureFlagsEcx),
      edx: bitFieldsOf(ExtendedFeatureFlagsEdx),
    },
  },
  ArchPerfMonitoring: {
    eax: [
      bits('version_id', 0, 7),
      bits('gppmc_count', 8, 15),
      bits('gppmc_bit_width', 16, 23),
      bits('ebx_enumeration_length', 24, 31),
    ],
    ebx: [
      bits('core_cycle_event', 0),
      bits('instr_retired_event', 1),
      bits('reference_cycles_event', 2),
      bits('llc_reference_event', 3),
      bits('llc_misses_event', 4),
      bits('branch_instr_retired_event', 5),
      bits('branch_mispredict_retired_event', 6),
    ],
    edx: [bits('ffpmc_count', 0, 4), bits('ffpmc_bit_width', 5, 12)],
  },
  ExtendedState: {
    subleaf0: {
      eax: [bits('xcr0_low', 0, 31)],
      ebx: [bits('size_of_enabled', 0, 31)],
      ecx: [bits('size_of_supported', 0, 31)],
      edx: [bits('xcr0_high', 0, 31)],
    },
    subleaf1: { eax: [bits('xsaveopt', 0), bits('xsavec', 1), bits('xgetbv_1', 2), bits('xsaves_xrstors', 3)] },
  },
  TimeStampCounter: {
    eax: [bits('denominator', 0, 31)],
    ebx: [bits('numerator', 0, 31)],
    ecx: [bits('crystal_frequency', 0, 31)],
  },
  ProcessorFrequency: {
    eax: [bits('base_frequency', 0, 15)],
    ebx: [bits('maximum_frequency', 0, 15)],
    ecx: [bits('bus_frequency', 0, 15)],
  },
  ExtendedMaximum: { eax: [bits('maximum_leaf', 0, 31)] },
  ExtendedProcessorInformation: {
    ecx: bitFieldsOf(ExtendedProcessorInformationEcx),
    edx: bitFieldsOf(ExtendedProcessorInformationEdx),
  },
  AdvancedPowerManagement: { edx: [bits('invariant_tsc', 8)] },
  AddrSize: { eax: [bits('phys', 0, 7), bits('linear', 8, 15)] },
} as const satisfies Readonly<Partial<Record<keyof typeof CpuidLeaf, CpuidLeafFields>>>;

/** The bit fields of one result register of a leaf. */
export interface CpuidRegisterDefinition {
  readonly register: CpuidRegisterName;
  /** The subleaf (ECX), null where the leaf has none. */
  readonly subleaf: number | null;
  readonly fields: readonly BitField[];
}

/** A CPUID leaf with the registers whose bits have names. */
export interface CpuidLeafDefinition {
  readonly leaf: number;
  /** snake_case. */
  readonly name: string;
  readonly registers: readonly CpuidRegisterDefinition[];
  /** SDM section title. */
  readonly section: string;
}

function registersOf(fields: CpuidRegisterFields, subleaf: number | null): CpuidRegisterDefinition[] {
  return Object.entries(fields).map(([register, bitFields]) => ({
    register: register as CpuidRegisterName,
    subleaf,
    fields: bitFields,
  }));
}

function registersOfLeaf(fields: CpuidLeafFields): CpuidRegisterDefinition[] {
  return Object.entries(fields as Readonly<Record<string, CpuidRegisterFields>>).some(([key]) => key.startsWith('sub'))
    ? Object.entries(fields as Readonly<Record<string, CpuidRegisterFields>>).flatMap(([subleaf, registers]) =>
        registersOf(registers, Number(subleaf.slice('subleaf'.length))),
      )
    : registersOf(fields as CpuidRegisterFields, null);
}

/** All CPUID leaves with a name, in order of number. */
export const cpuidLeafDefinitions: readonly CpuidLeafDefinition[] = Object.entries(CpuidLeaf)
  .map(([name, leaf]) => ({
    leaf,
    name: snakeCase(name),
    registers: registersOfLeaf((cpuidLeafBits as Readonly<Record<string, CpuidLeafFields>>)[name] ?? {}),
    section: 'SDM 2A "CPUID—CPU Identification"',
  }))
  .sort((a, b) => a.leaf - b.leaf);
