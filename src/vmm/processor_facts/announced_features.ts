// SPDX-License-Identifier: LGPL-2.1-only
import type { CpuidAccessors } from '../../intrinsics/accessors/cpuid_accessors.js';

/** Features of the guest that a VMX control lets it keep, and how CPUID announces them. */
const features = {
  rdtscp: (cpuid: CpuidAccessors) => cpuid.extendedProcessorInformation.edx.rdtscp.isEnabledIfExists(),
  invpcid: (cpuid: CpuidAccessors) => cpuid.extendedFeatureFlags.subleaf0.ebx.invpcid.isEnabledIfExists(),
  // XSAVES, XRSTORS and IA32_XSS.
  xsaves: (cpuid: CpuidAccessors) => cpuid.extendedState.subleaf1.eax.xsavesXrstors.isEnabledIfExists(),
  // IA32_PERF_GLOBAL_CTRL: since version 2. SDM 3B "Architectural Performance Monitoring".
  perfGlobalCtrl: (cpuid: CpuidAccessors) => cpuid.archPerfMonitoring.eax.versionId.getIfExists() >= 2n,
} as const;

/** A feature of `features`. */
export type AnnouncedFeature = keyof typeof features;

/**
 * Whether the processor tells its software that it has a feature. Software that was told so loses it in a VM whose control is not allowed
 * to be 1, which is worth a warning; where nobody was told there is nothing to lose.
 */
export function announces(cpuid: CpuidAccessors, feature: AnnouncedFeature): boolean {
  return features[feature](cpuid);
}
