// SPDX-License-Identifier: LGPL-2.1-only
// What all processor models have in common: they announce what the core implements, no AVX and no performance counters, and a TSC of 1 GHz.
// Leaves and MSRs: SDM 2A "CPUID—CPU Identification", SDM 4. A model adds the facts of the processor after which it is modelled.
import { ArchCapabilities, ArchCapabilitiesHigh, Msr } from '../../intrinsics/registers/msr_definitions.js';
import { Constants } from '../layout/core_constants.js';
import { fromHalves } from '../processor/halves.js';
import { vmxCapabilities, firstVmxMsr } from '../vmx/capabilities.js';
import { bitsAt, brandLeaves, type CpuidLeafValues, type PlainMsr, type ProcessorModel } from './processor_model.js';

/** A cache: EBX, ECX and EDX of its subleaf of CPUID leaf 4. */
export type CacheParameters = readonly [ebx: number, ecx: number, edx: number];

/** The facts of the processor after which a model is modelled, from its dump. */
export interface ModelFacts {
  readonly name: string;
  readonly title: string;
  readonly realProcessor: string;
  readonly dump: string;
  readonly physicalAddressBits: number;
  readonly signature: number;
  /** At most 47 characters. */
  readonly brand: string;
  /** EAX, EBX, ECX and EDX of CPUID leaf 2. */
  readonly cacheDescriptors: readonly [eax: number, ebx: number, ecx: number, edx: number];
  readonly caches: {
    readonly data: CacheParameters;
    readonly code: CacheParameters;
    readonly level2: CacheParameters;
    readonly level3: CacheParameters;
  };
  /** ECX of CPUID leaf 80000006H. */
  readonly level2Cache: number;
  /** Bits 31:0 of IA32_ARCH_CAPABILITIES, besides those of `notVulnerable`. */
  readonly archCapabilities: number;
}

/** MSR_CORE_THREAD_COUNT: cores in bits 31:16, threads in bits 15:0. */
export const coreThreadCount = 0x35;

const crystalHz = 25_000_000;

/** VME PVI TSD DE PSE PAE MCE PGE PCE OSFXSR OSXMMEXCPT UMIP VMXE FSGSBASE PCIDE OSXSAVE SMEP SMAP. */
const cr4Allowed = 0x372fff;

/** SSE3 PCLMULQDQ MONITOR VMX SSSE3 CMPXCHG16B PCID SSE4.1 SSE4.2 x2APIC MOVBE POPCNT TSC-deadline AES XSAVE RDRAND. */
const featuresEcx = bitsAt(0, 1, 3, 5, 9, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 30);
/** FPU VME DE PSE TSC MSR PAE MCE CX8 APIC SEP MTRR PGE MCA CMOV PAT PSE-36 CLFSH MMX FXSR SSE SSE2 SS. */
const featuresEdx = bitsAt(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 19, 23, 24, 25, 26, 27);
/** FSGSBASE, IA32_TSC_ADJUST, BMI1, FDP_EXCPTN_ONLY, SMEP, BMI2, ERMS, INVPCID, FCS/FDS deprecated, RDSEED, ADX, SMAP, CLFLUSHOPT. */
const structuredEbx = bitsAt(0, 1, 3, 6, 7, 8, 9, 10, 13, 18, 19, 20, 23);
/** UMIP, RDPID. */
const structuredEcx = bitsAt(2, 22);
/** MD_CLEAR, IBRS and IBPB, STIBP, L1D_FLUSH, IA32_ARCH_CAPABILITIES, SSBD. */
const structuredEdx = bitsAt(10, 26, 27, 28, 29, 31);

/**
 * The core speculates nothing, so it has none of these weaknesses. SSB_NO is 0, as on the real processors, which have SSBD for it.
 */
const notVulnerable =
  ArchCapabilities.RdclNo |
  ArchCapabilities.SkipL1dflVmentry |
  ArchCapabilities.MdsNo |
  ArchCapabilities.IfPschangeMcNo |
  ArchCapabilities.TaaNo |
  ArchCapabilities.SbdrSsdpNo |
  ArchCapabilities.FbsdpNo |
  ArchCapabilities.PsdpNo |
  ArchCapabilities.BhiNo |
  ArchCapabilities.PbrsbNo |
  ArchCapabilities.GdsNo |
  ArchCapabilities.RfdsNo;
const notVulnerableHigh = ArchCapabilitiesHigh.ItsNo;

/** A leaf without subleaves. */
function leafOf(leaf: number, [eax, ebx, ecx, edx]: readonly [number, number, number, number]): CpuidLeafValues {
  return { leaf, eax, ebx, ecx, edx };
}
/** A subleaf of leaf 4. @param eax its type and level. */
function cacheLeaf(subleaf: number, eax: number, [ebx, ecx, edx]: CacheParameters): CpuidLeafValues {
  return { leaf: 4, subleaf, eax, ebx, ecx, edx };
}

/** The CPUID leaves of a model. */
function cpuidLeaves(facts: ModelFacts): readonly CpuidLeafValues[] {
  const { signature, cacheDescriptors, caches } = facts;
  return [
    // The first entry must be leaf 0: its EAX is the highest basic leaf. "GenuineIntel".
    { leaf: 0, eax: 0x16, ebx: 0x756e6547, ecx: 0x6c65746e, edx: 0x49656e69 },
    { leaf: 1, eax: signature, ebx: 0x00010800, ecx: featuresEcx, edx: featuresEdx },
    leafOf(2, cacheDescriptors),
    { leaf: 3, eax: 0, ebx: 0, ecx: 0, edx: 0 },
    // One core, one thread.
    cacheLeaf(0, 0x121, caches.data),
    cacheLeaf(1, 0x122, caches.code),
    cacheLeaf(2, 0x143, caches.level2),
    cacheLeaf(3, 0x163, caches.level3),
    // MONITOR and MWAIT: lines of 64 bytes; masked interrupts can end a wait; C1 with two sub-states, which are all alike here.
    { leaf: 5, eax: Constants.MONITOR_LINE_BYTES, ebx: Constants.MONITOR_LINE_BYTES, ecx: bitsAt(0, 1), edx: 0x20 },
    // The APIC timer never stops.
    { leaf: 6, eax: bitsAt(2), ebx: 0, ecx: 0, edx: 0 },
    { leaf: 7, subleaf: 0, eax: 0, ebx: structuredEbx, ecx: structuredEcx, edx: structuredEdx },
    { leaf: 0xa, eax: 0, ebx: 0, ecx: 0, edx: 0 },
    { leaf: 0xb, subleaf: 0, eax: 0, ebx: 1, ecx: 0x100, edx: 0 },
    { leaf: 0xb, subleaf: 1, eax: 0, ebx: 1, ecx: 0x201, edx: 0 },
    { leaf: 0xb, eax: 0, ebx: 0, ecx: 0, edx: 0 },
    // XSAVE: x87 and SSE state; XSAVEOPT, XSAVEC, XGETBV with ECX = 1, XSAVES.
    { leaf: 0xd, subleaf: 0, eax: 3, ebx: 576, ecx: 576, edx: 0 },
    { leaf: 0xd, subleaf: 1, eax: bitsAt(0, 1, 2, 3), ebx: 576, ecx: 0, edx: 0 },
    // TSC = crystal × 40 = 1 GHz; base and maximum 1000 MHz.
    { leaf: 0x15, eax: 1, ebx: 40, ecx: crystalHz, edx: 0 },
    { leaf: 0x16, eax: 1000, ebx: 1000, ecx: 100, edx: 0 },
    { leaf: 0x80000000, eax: 0x80000008, ebx: 0, ecx: 0, edx: 0 },
    // LAHF in 64-bit mode, LZCNT, PREFETCHW; SYSCALL, NX, 1-GiB pages, RDTSCP, Intel 64.
    { leaf: 0x80000001, eax: 0, ebx: 0, ecx: bitsAt(0, 5, 8), edx: bitsAt(11, 20, 26, 27, 29) },
    ...brandLeaves(facts.brand),
    { leaf: 0x80000005, eax: 0, ebx: 0, ecx: 0, edx: 0 },
    { leaf: 0x80000006, eax: 0, ebx: 0, ecx: facts.level2Cache, edx: 0 },
    // Invariant TSC.
    { leaf: 0x80000007, eax: 0, ebx: 0, ecx: 0, edx: bitsAt(8) },
    { leaf: 0x80000008, eax: (48 << 8) | facts.physicalAddressBits, ebx: 0, ecx: 0, edx: 0 },
  ];
}

/** IA32_VMX_*: the engine's capabilities. */
const vmxMsrs: readonly PlainMsr[] = vmxCapabilities({ cr4Allowed }).map(([low, high], i) => ({
  address: firstVmxMsr + i,
  value: fromHalves(low, high),
}));

const all = 0xffffffffffffffffn;
/** The plain MSRs of a model. */
const msrsOf = (facts: ModelFacts): readonly PlainMsr[] => [
  ...vmxMsrs,
  { address: 0x17, value: 0n }, // IA32_PLATFORM_ID
  { address: 0x2a, value: 0n, writable: 0xffffffffn }, // EBL_CR_POWERON
  { address: 0x34, value: 0n }, // MSR_SMI_COUNT
  { address: coreThreadCount, value: 0x10001n }, // one of each; see topology.ts
  { address: Msr.Ia32BiosUpdtTrig, value: 0n, ignored: all, isWriteOnly: true }, // updates are accepted and ignored
  { address: 0x8b, value: 0xf000000000n, ignored: all }, // IA32_BIOS_SIGN_ID
  { address: 0xce, value: 0xa00n }, // PLATFORM_INFO: ratio 10
  { address: 0xfe, value: 0x50an }, // IA32_MTRRCAP: ten pairs, fixed ranges, WC
  {
    address: Msr.Ia32ArchCapabilities,
    value: fromHalves(notVulnerable | facts.archCapabilities, notVulnerableHigh),
  },
  { address: 0x140, value: 0n, writable: 0n }, // MISC_FEATURE_ENABLES: no CPUID faulting
  { address: 0x179, value: 0n }, // IA32_MCG_CAP: no banks
  { address: 0x17a, value: 0n, writable: 7n }, // IA32_MCG_STATUS
  { address: 0x198, value: 0xa00n }, // IA32_PERF_STATUS
  { address: 0x199, value: 0xa00n, writable: 0xffffn }, // IA32_PERF_CTL
  { address: 0x1a2, value: 0x640000n }, // TEMPERATURE_TARGET: 100 °C
  { address: 0x1ad, value: 0x0a0a0a0an }, // TURBO_RATIO_LIMIT
  { address: 0x1fc, value: 0n, writable: 0xffffffffn }, // POWER_CTL
];

/** The model of a processor. */
export function simulatedModel(facts: ModelFacts): ProcessorModel {
  const { name, title, realProcessor, dump, physicalAddressBits, signature } = facts;
  return {
    name,
    title,
    realProcessor,
    dump,
    physicalAddressBits,
    cr4Allowed,
    crystalHz,
    signature,
    cpuid: cpuidLeaves(facts),
    msrs: msrsOf(facts),
  };
}
