// SPDX-License-Identifier: LGPL-2.1-only
// What WRMSR accepts; anything else raises #GP(0). SDM 4 "Model-Specific Registers (MSRs)". The tables serve the VMM's handlers, the VM-entry rules
// and the simulated processor.
import {
  CpuidLeaf,
  ExtendedFeatureFlagsEbx,
  ExtendedFeatureFlagsEcx,
  ExtendedFeatureFlagsEdx,
  ExtendedStateFeatures,
  ExtendedProcessorInformationEdx,
  FeatureInformationEcx,
  FeatureInformationEdx,
  type cpuidRegisterNames,
} from '../registers/cpuid_leaves.js';
import { fixedMtrrAddresses, FlushCmd, Msr, PredCmd, SpecCtrl } from '../registers/msr_definitions.js';
import { Debugctl, Efer } from '../registers/registers.js';
import {
  areMemoryTypes,
  isCanonicalHigh,
  isMtrrDefType,
  isMtrrPhysbase,
  isMtrrPhysmask,
  MTRR_PAIRS,
  MTRR_TYPES,
  PAT_TYPES,
} from './msr_values.js';
import type { RegisterFacts } from './register_facts.js';

/** A register of a CPUID leaf. */
export type CpuidRegister = (typeof cpuidRegisterNames)[number];

/** CPUID announces a feature: all bits of `mask` are 1, or the number in them is at least `atLeast`. */
export interface CpuidCondition {
  readonly leaf: number;
  /** 0 by default. */
  readonly subleaf?: number;
  readonly register: CpuidRegister;
  readonly mask: number;
  readonly atLeast?: number;
}

/** An MSR announces a feature: all bits of `mask` are 1. */
export interface MsrCondition {
  readonly msr: number;
  readonly mask: number;
}

/** Bits of an MSR, and the features without which they are reserved. */
export interface ConditionalBits {
  readonly bits: number;
  readonly needs: readonly (CpuidCondition | MsrCondition)[];
}

/** The values that WRMSR accepts. */
export type MsrContent =
  /** Only these bits, all in 31:0. A `command` keeps nothing: RDMSR raises #GP. Without one of `announcedBy` the MSR does not exist. */
  | {
      readonly kind: 'bits' | 'command';
      readonly bits: readonly ConditionalBits[];
      readonly announcedBy?: readonly CpuidCondition[];
    }
  /** As many bits from 0 and from 32 as there are general-purpose and fixed-function performance counters. */
  | { readonly kind: 'counters' }
  /** A canonical address. */
  | { readonly kind: 'canonical' }
  /** One of these memory types in each byte; bit n is set for type n. */
  | { readonly kind: 'memory_types'; readonly types: number }
  /** IA32_MTRR_DEF_TYPE, IA32_MTRR_PHYSBASEn and IA32_MTRR_PHYSMASKn. */
  | { readonly kind: 'mtrr_def_type' | 'mtrr_physbase' | 'mtrr_physmask' }
  /** Anything: bits 63:32 are dropped. */
  | { readonly kind: 'low_half' };

const leaf1Ecx = (mask: number): CpuidCondition => ({ leaf: CpuidLeaf.FeatureInformation, register: 'ecx', mask });
const leaf1Edx = (mask: number): CpuidCondition => ({ leaf: CpuidLeaf.FeatureInformation, register: 'edx', mask });
const leaf7Ebx = (mask: number): CpuidCondition => ({ leaf: CpuidLeaf.ExtendedFeatureFlags, register: 'ebx', mask });
const leaf7Ecx = (mask: number): CpuidCondition => ({ leaf: CpuidLeaf.ExtendedFeatureFlags, register: 'ecx', mask });
const leaf7Edx = (mask: number): CpuidCondition => ({ leaf: CpuidLeaf.ExtendedFeatureFlags, register: 'edx', mask });
const extended = (mask: number): CpuidCondition => ({
  leaf: CpuidLeaf.ExtendedProcessorInformation,
  register: 'edx',
  mask,
});
const performanceMonitoring = (version: number): CpuidCondition => ({
  leaf: CpuidLeaf.ArchPerfMonitoring,
  register: 'eax',
  mask: 0xff,
  atLeast: version,
});
/** FREEZE_WHILE_SMM is supported. SDM 3B "IA32_PERF_CAPABILITIES MSR Enumeration". */
const freezeWhileSmm: MsrCondition = { msr: Msr.Ia32PerfCapabilities, mask: 1 << 12 };

/** SDM 3B "IA32_DEBUGCTL MSR"; SDM 4 "Architectural MSRs". */
const debugctl: readonly ConditionalBits[] = [
  { bits: Debugctl.Lbr | Debugctl.Btf, needs: [] },
  { bits: Debugctl.BusLockDetect, needs: [leaf7Ecx(ExtendedFeatureFlagsEcx.BusLockDetect)] },
  { bits: Debugctl.Tr | Debugctl.Bts | Debugctl.Btint, needs: [leaf1Edx(FeatureInformationEdx.Ds)] },
  { bits: Debugctl.BtOffOs | Debugctl.BtOffUser, needs: [leaf1Ecx(FeatureInformationEcx.DsCpl)] },
  {
    bits: Debugctl.FreezeLbrsOnPmi | Debugctl.FreezePerfmonOnPmi,
    needs: [leaf1Ecx(FeatureInformationEcx.Pdcm), performanceMonitoring(2)],
  },
  { bits: Debugctl.EnableUncorePmi, needs: [performanceMonitoring(3)] },
  { bits: Debugctl.FreezeWhileSmm, needs: [leaf1Ecx(FeatureInformationEcx.Pdcm), freezeWhileSmm] },
  { bits: Debugctl.RtmDebug, needs: [leaf7Ebx(ExtendedFeatureFlagsEbx.Rtm)] },
];

/** SDM 3A "Extended Feature Enable Register". A written LMA is ignored. */
const efer: readonly ConditionalBits[] = [
  { bits: Efer.Sce, needs: [extended(ExtendedProcessorInformationEdx.Syscall)] },
  { bits: Efer.Lme | Efer.Lma, needs: [extended(ExtendedProcessorInformationEdx.Intel64)] },
  { bits: Efer.Nxe, needs: [extended(ExtendedProcessorInformationEdx.ExecuteDisable)] },
];

const ibrsIbpb = leaf7Edx(ExtendedFeatureFlagsEdx.IbrsIbpb);
const stibp = leaf7Edx(ExtendedFeatureFlagsEdx.Stibp);
const ssbd = leaf7Edx(ExtendedFeatureFlagsEdx.Ssbd);
const l1dFlush = leaf7Edx(ExtendedFeatureFlagsEdx.L1dFlush);
const xsaves: CpuidCondition = {
  leaf: CpuidLeaf.ExtendedState,
  subleaf: 1,
  register: 'eax',
  mask: ExtendedStateFeatures.XsavesXrstors,
};

/** SDM 4 "Architectural MSRs". IBRS and STIBP are settable if either is announced. */
const specCtrl: readonly ConditionalBits[] = [
  { bits: SpecCtrl.Ibrs | SpecCtrl.Stibp, needs: [ibrsIbpb] },
  { bits: SpecCtrl.Ibrs | SpecCtrl.Stibp, needs: [stibp] },
  { bits: SpecCtrl.Ssbd, needs: [ssbd] },
];

const mtrrPairs = Object.fromEntries(
  Array.from({ length: MTRR_PAIRS }, (_, pair): [number, MsrContent][] => [
    [Msr.Ia32MtrrPhysbase0 + 2 * pair, { kind: 'mtrr_physbase' }],
    [Msr.Ia32MtrrPhysmask0 + 2 * pair, { kind: 'mtrr_physmask' }],
  ]).flat(),
);

const fixedMtrrs = Object.fromEntries(
  fixedMtrrAddresses.map((msr): [number, MsrContent] => [msr, { kind: 'memory_types', types: MTRR_TYPES }]),
);

/** By address: the MSRs whose values the VM-entry rules check, and others of which the value alone decides. */
export const msrContents: Readonly<Record<number, MsrContent>> = {
  ...mtrrPairs,
  ...fixedMtrrs,
  [Msr.Ia32MtrrDefType]: { kind: 'mtrr_def_type' },
  [Msr.Ia32TscAux]: { kind: 'bits', bits: [{ bits: 0xffffffff, needs: [] }] },
  [Msr.Ia32SpecCtrl]: { kind: 'bits', bits: specCtrl, announcedBy: [ibrsIbpb, stibp, ssbd] },
  [Msr.Ia32PredCmd]: { kind: 'command', bits: [{ bits: PredCmd.Ibpb, needs: [] }], announcedBy: [ibrsIbpb] },
  [Msr.Ia32FlushCmd]: { kind: 'command', bits: [{ bits: FlushCmd.L1dFlush, needs: [] }], announcedBy: [l1dFlush] },
  // There are no supervisor state components.
  [Msr.Ia32Xss]: { kind: 'bits', bits: [], announcedBy: [xsaves] },
  [Msr.Ia32SysenterCs]: { kind: 'low_half' },
  [Msr.Ia32SysenterEsp]: { kind: 'canonical' },
  [Msr.Ia32SysenterEip]: { kind: 'canonical' },
  [Msr.Ia32Debugctl]: { kind: 'bits', bits: debugctl },
  [Msr.Ia32Pat]: { kind: 'memory_types', types: PAT_TYPES },
  [Msr.Ia32PerfGlobalCtrl]: { kind: 'counters' },
  [Msr.Ia32Efer]: { kind: 'bits', bits: efer },
  [Msr.Ia32Lstar]: { kind: 'canonical' },
  [Msr.Ia32Cstar]: { kind: 'canonical' },
  [Msr.Ia32Fmask]: { kind: 'low_half' },
  [Msr.Ia32FsBase]: { kind: 'canonical' },
  [Msr.Ia32GsBase]: { kind: 'canonical' },
  [Msr.Ia32KernelGsBase]: { kind: 'canonical' },
};

/** Where a processor announces its features. */
export interface FeatureSource {
  /** A register of a CPUID leaf. */
  cpuid(leaf: number, register: CpuidRegister, subleaf: number): number;
  /** Bits 31:0 of an MSR, 0 if the processor lacks it. */
  msrLow(address: number): number;
}

/** Bits 31:0 and 63:32. */
export interface Halves {
  readonly low: number;
  readonly high: number;
}

/** The MSRs whose settable bits depend on the processor. */
export const msrsByBits: readonly number[] = Object.keys(msrContents)
  .map(Number)
  .filter((msr) => ['bits', 'command', 'counters'].includes(msrContents[msr]!.kind));

const allBits: Halves = { low: 0xffffffff, high: 0xffffffff };

/** The bits that WRMSR accepts as 1 on a processor; all bits for an MSR that is not described by its bits. */
export function settableBits(msr: number, source: FeatureSource): Halves {
  const content = msrContents[msr];
  if (content?.kind === 'counters') return counterBits(source);
  if (content?.kind !== 'bits' && content?.kind !== 'command') return allBits;
  const has = content.bits.filter(({ needs }) => needs.every((condition) => isMet(condition, source)));
  return { low: has.reduce((all, { bits }) => all | bits, 0) >>> 0, high: 0 };
}

/** Whether CPUID announces an MSR, if it must. */
export function isAnnounced(msr: number, source: FeatureSource): boolean {
  const content = msrContents[msr];
  if (content?.kind !== 'bits' && content?.kind !== 'command') return true;
  return content.announcedBy?.some((condition) => isMet(condition, source)) ?? true;
}

function isMet(condition: CpuidCondition | MsrCondition, source: FeatureSource): boolean {
  if ('msr' in condition) return (source.msrLow(condition.msr) & condition.mask) === condition.mask;
  const found = source.cpuid(condition.leaf, condition.register, condition.subleaf ?? 0) & condition.mask;
  return condition.atLeast === undefined ? found === (condition.mask | 0) : found >= condition.atLeast;
}

/** SDM 3B "Architectural Performance Monitoring". */
function counterBits(source: FeatureSource): Halves {
  const general = (source.cpuid(CpuidLeaf.ArchPerfMonitoring, 'eax', 0) >>> 8) & 0xff;
  const fixed = source.cpuid(CpuidLeaf.ArchPerfMonitoring, 'edx', 0) & 0x1f;
  return { low: 2 ** general - 1, high: 2 ** fixed - 1 };
}

// By address as a signed number: V8 would allocate an unsigned one above 2^31 at each look-up.
const contentByAddress: ReadonlyMap<number, MsrContent> = new Map(
  Object.entries(msrContents).map(([address, content]) => [Number(address) | 0, content]),
);

/** What an MSR may hold, if that is described. @param msr signed or unsigned. */
export function msrContent(msr: number): MsrContent | undefined {
  return contentByAddress.get(msr | 0);
}

/** Whether WRMSR accepts a value; true for an MSR without an entry in the table. Conditions on other registers are not checked. */
export function isMsrValue(facts: RegisterFacts, msr: number, low: number, high: number): boolean {
  const content = msrContent(msr);
  switch (content?.kind) {
    case 'bits':
    case 'command':
    case 'counters':
      return ((low & ~facts.settableLow(msr)) | (high & ~facts.settableHigh(msr))) === 0;
    case 'canonical':
      return isCanonicalHigh(high, facts.linearAddressWidth);
    case 'memory_types':
      return areMemoryTypes(low, content.types) && areMemoryTypes(high, content.types);
    case 'mtrr_def_type':
      return isMtrrDefType(low, high);
    case 'mtrr_physbase':
      return isMtrrPhysbase(low, high, facts.physicalAddressWidth);
    case 'mtrr_physmask':
      return isMtrrPhysmask(low, high, facts.physicalAddressWidth);
    default:
      return true;
  }
}
