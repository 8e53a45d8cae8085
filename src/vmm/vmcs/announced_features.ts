// SPDX-License-Identifier: LGPL-2.1-only
import type { Cpuid } from '../../intrinsics/cpuid.js';
import { CpuidLeaf, ExtendedFeatureFlagsEbx, ExtendedProcessorInformationEdx } from '../../intrinsics/cpuid_leaves.js';

/** Features of the guest that a VMX control lets it keep. Values: leaf, subleaf, register (0 EAX … 3 EDX), and what must be so. */
const features = {
  rdtscp: [
    CpuidLeaf.ExtendedProcessorInformation,
    0,
    3,
    (edx: number) => (edx & ExtendedProcessorInformationEdx.Rdtscp) !== 0,
  ],
  invpcid: [CpuidLeaf.ExtendedFeatureFlags, 0, 1, (ebx: number) => (ebx & ExtendedFeatureFlagsEbx.Invpcid) !== 0],
  // SDM 2A "CPUID—CPU Identification", leaf 0DH, subleaf 1: XSAVES/XRSTORS and IA32_XSS.
  xsaves: [CpuidLeaf.ExtendedState, 1, 0, (eax: number) => (eax & (1 << 3)) !== 0],
  // IA32_PERF_GLOBAL_CTRL: since version 2. SDM 3B "Architectural Performance Monitoring".
  perfGlobalCtrl: [CpuidLeaf.ArchPerfMonitoring, 0, 0, (eax: number) => (eax & 0xff) >= 2],
} as const;

/** A feature of `features`. */
export type AnnouncedFeature = keyof typeof features;

/**
 * Whether the processor tells its software that it has a feature. Software that was told so loses it in a VM whose control is not allowed
 * to be 1, which is worth a warning; where nobody was told there is nothing to lose.
 */
export function announces(cpuid: Cpuid, feature: AnnouncedFeature): boolean {
  const [leaf, subleaf, register, isThere] = features[feature];
  const result = new Uint32Array(4);
  // Beyond the largest leaf CPUID answers with that of another one.
  cpuid.cpuid((leaf & 0x80000000) >>> 0, 0, result);
  if (result[0]! < leaf) return false;
  cpuid.cpuid(leaf, subleaf, result);
  return isThere(result[register]!);
}
