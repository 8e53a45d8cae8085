// SPDX-License-Identifier: LGPL-2.1-only
// What the VMX engine can do, as data: the VMX capability MSRs. SDM 3D appendix "VMX Capability Reporting Facility".
import { allowed, trueAllowed, type Capability } from './allowed_controls.js';
import { supportedFields } from './vmcs/field_slots.js';
import { timerRate } from './preemption_timer.js';
import { vmcsRegionSize, vmcsRevision } from './vmcs/vmcs.js';

/** Addresses of the VMX capability MSRs that exist; IA32_VMX_VMFUNC does not, since VM functions are not implemented. */
export const VmxMsr = {
  Basic: 0x480,
  PinbasedCtls: 0x481,
  ProcbasedCtls: 0x482,
  ExitCtls: 0x483,
  EntryCtls: 0x484,
  Misc: 0x485,
  Cr0Fixed0: 0x486,
  Cr0Fixed1: 0x487,
  Cr4Fixed0: 0x488,
  Cr4Fixed1: 0x489,
  VmcsEnum: 0x48a,
  ProcbasedCtls2: 0x48b,
  EptVpidCap: 0x48c,
  TruePinbasedCtls: 0x48d,
  TrueProcbasedCtls: 0x48e,
  TrueExitCtls: 0x48f,
  TrueEntryCtls: 0x490,
} as const;

/** The first address of the capability MSRs. */
export const firstVmxMsr = VmxMsr.Basic;

/** Features of the processor model that the fixed-bit MSRs depend on. */
export interface CapabilityOptions {
  /** The bits that CR4 may have on this processor, VMXE among them. */
  readonly cr4Allowed: number;
}

const highestIndex = Math.max(...supportedFields.map((field) => (field >>> 1) & 0x1ff));

/** IA32_VMX_MISC: the timer's rate, LMA is stored at exits, HLT, shutdown and wait-for-SIPI exist, 4 CR3 targets, 512 MSRs a list. */
const misc = timerRate | (1 << 5) | (7 << 6) | (4 << 16);

/** IA32_VMX_EPT_VPID_CAP bits 31:0: execute-only, 4 levels, UC, WB, 2-MiB and 1-GiB pages, INVEPT (single, all), accessed and dirty flags. */
const eptCapabilities =
  (1 << 0) | (1 << 6) | (1 << 8) | (1 << 14) | (1 << 16) | (1 << 17) | (1 << 20) | (1 << 21) | (1 << 25) | (1 << 26);

/** Bits 63:32: INVVPID and its four types. */
const vpidCapabilities = (1 << 0) | (0xf << 8);

/** The capability MSRs in order of address, from IA32_VMX_BASIC on. */
export function vmxCapabilities(options: CapabilityOptions): readonly Capability[] {
  return [
    // Write-back memory, INS/OUTS information, true controls.
    [vmcsRevision, vmcsRegionSize | (6 << 18) | (1 << 22) | (1 << 23)],
    allowed.pin,
    allowed.primary,
    allowed.exit,
    allowed.entry,
    [misc, 0],
    [0x80000021, 0],
    [0xffffffff, 0],
    [0x2000, 0],
    [options.cr4Allowed >>> 0, 0],
    [highestIndex << 1, 0],
    allowed.secondary,
    [eptCapabilities >>> 0, vpidCapabilities],
    trueAllowed.pin,
    trueAllowed.primary,
    trueAllowed.exit,
    trueAllowed.entry,
  ];
}
