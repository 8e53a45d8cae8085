// SPDX-License-Identifier: LGPL-2.1-only
import type { CpuidAccessors } from '../../intrinsics/accessors/cpuid_accessors.js';

/** Features that the guest keeps only by a VMX control, and how CPUID announces them. */
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
 * Whether the processor announces a feature. If it does, and the control may not be 1, software loses the feature in a VM, which is worth a warning.
 * Without the announcement there is nothing to lose.
 */
export function announces(cpuid: CpuidAccessors, feature: AnnouncedFeature): boolean {
  return features[feature](cpuid);
}
