// SPDX-License-Identifier: LGPL-2.1-only
import { Constants } from '../layout/core_constants.js';
import { fromHalves } from '../processor/halves.js';
import type { RegisterValues } from '../processor/processor_block.js';
import { firstVmxMsr, vmxCapabilities, VmxMsr } from './capabilities.js';

const none = 0xffffffffffffffffn;
/** TSC multiplier of 1: 48 fraction bits. */
const noScaling = 1n << 48n;

/** The VMX state of a processor after power-on: outside VMX operation. Words that are not named are 0. @param cr4Allowed bits that CR4 may have. */
export function vmxPowerOnState(cr4Allowed: number): RegisterValues {
  const capability = vmxCapabilities({ cr4Allowed });
  const fixed = (address: number): bigint => {
    const [low, high] = capability[address - firstVmxMsr]!;
    return fromHalves(low, high);
  };
  return {
    VMX_CR0_FIXED0: fixed(VmxMsr.Cr0Fixed0),
    VMX_CR0_FIXED1: fixed(VmxMsr.Cr0Fixed1),
    VMX_CR4_FIXED0: fixed(VmxMsr.Cr4Fixed0),
    VMX_CR4_FIXED1: fixed(VmxMsr.Cr4Fixed1),
    VMX_CURRENT_VMCS: none,
    VMX_PREEMPTION_DEADLINE: none,
    VMX_TSC_MULTIPLIER: noScaling,
    VMXON_REGION: none,
    VMX_COLD_UNKNOWN: Constants.COLD_TABLES | Constants.COLD_CONTROLS,
  };
}
