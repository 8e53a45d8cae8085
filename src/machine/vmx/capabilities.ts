// SPDX-License-Identifier: LGPL-2.1-only
// What the VMX engine can do, as data: the VMX capability MSRs. A control that the engine or the core does not implement is not allowed
// here, and the VM-entry rules then refuse it. SDM 3D appendix "VMX Capability Reporting Facility".
import {
  EntryControl,
  ExitControl,
  PinBasedControl,
  PrimaryControl,
  SecondaryControl,
} from '../../intrinsics/control_bits.js';
import { supportedFields } from './field_slots.js';
import { vmcsRegionSize, vmcsRevision } from './vmcs.js';

/** Addresses of the VMX capability MSRs. */
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

/** The first and the last address of the capability MSRs that exist; IA32_VMX_VMFUNC does not, since VM functions are not implemented. */
export const firstVmxMsr = VmxMsr.Basic;
export const lastVmxMsr = VmxMsr.TrueEntryCtls;

const pinControls =
  PinBasedControl.ExternalInterruptExiting |
  PinBasedControl.NmiExiting |
  PinBasedControl.VirtualNmis |
  PinBasedControl.ActivateVmxPreemptionTimer;

const primaryControls =
  PrimaryControl.InterruptWindowExiting |
  PrimaryControl.UseTscOffsetting |
  PrimaryControl.HltExiting |
  PrimaryControl.InvlpgExiting |
  PrimaryControl.MwaitExiting |
  PrimaryControl.RdpmcExiting |
  PrimaryControl.RdtscExiting |
  PrimaryControl.Cr3LoadExiting |
  PrimaryControl.Cr3StoreExiting |
  PrimaryControl.Cr8LoadExiting |
  PrimaryControl.Cr8StoreExiting |
  PrimaryControl.NmiWindowExiting |
  PrimaryControl.MovDrExiting |
  PrimaryControl.UnconditionalIoExiting |
  PrimaryControl.UseIoBitmaps |
  PrimaryControl.MonitorTrapFlag |
  PrimaryControl.UseMsrBitmap |
  PrimaryControl.MonitorExiting |
  PrimaryControl.PauseExiting |
  PrimaryControl.ActivateSecondaryControls;

const secondaryControls =
  SecondaryControl.EnableEpt |
  SecondaryControl.DescriptorTableExiting |
  SecondaryControl.EnableRdtscp |
  SecondaryControl.EnableVpid |
  SecondaryControl.WbinvdExiting |
  SecondaryControl.UnrestrictedGuest |
  SecondaryControl.EnableInvpcid;

const exitControls =
  ExitControl.SaveDebugControls |
  ExitControl.HostAddressSpaceSize |
  ExitControl.AcknowledgeInterruptOnExit |
  ExitControl.SaveIa32Pat |
  ExitControl.LoadIa32Pat |
  ExitControl.SaveIa32Efer |
  ExitControl.LoadIa32Efer |
  ExitControl.SaveVmxPreemptionTimerValue;

const entryControls =
  EntryControl.LoadDebugControls | EntryControl.Ia32eModeGuest | EntryControl.LoadIa32Pat | EntryControl.LoadIa32Efer;

/** The default1 class: bits that are 1 on a processor without true controls. SDM 3D "Default Settings". */
const default1 = { pin: 0x16, primary: 0x0401e172, exit: 0x00036dff, entry: 0x000011ff } as const;

/** The bits of the default1 class that the true MSRs report as allowed to be 0. */
const relaxed = {
  pin: 0,
  primary: PrimaryControl.Cr3LoadExiting | PrimaryControl.Cr3StoreExiting,
  exit: ExitControl.SaveDebugControls,
  entry: EntryControl.LoadDebugControls,
} as const;

/** A capability MSR: bits 31:0 (for controls: the allowed-0 settings) and bits 63:32 (the allowed-1 settings). */
export type Capability = readonly [low: number, high: number];

/** Features of the processor model that the fixed-bit MSRs depend on. */
export interface CapabilityOptions {
  /** The bits that CR4 may have on this processor, VMXE among them. */
  readonly cr4Allowed: number;
}

const highestIndex = Math.max(...supportedFields.map((field) => (field >>> 1) & 0x1ff));

/** IA32_VMX_MISC: timer rate 2^0 TSC ticks, LMA is stored at exits, HLT, shutdown and wait-for-SIPI exist, 4 CR3 targets, 512 MSRs a list. */
const misc = 0 | (1 << 5) | (7 << 6) | (4 << 16);

/** IA32_VMX_EPT_VPID_CAP bits 31:0: execute-only, 4 levels, UC, WB, 2-MiB and 1-GiB pages, INVEPT (single, all), accessed and dirty flags. */
const eptCapabilities =
  (1 << 0) | (1 << 6) | (1 << 8) | (1 << 14) | (1 << 16) | (1 << 17) | (1 << 20) | (1 << 21) | (1 << 25) | (1 << 26);

/** Bits 63:32: INVVPID and its four types. */
const vpidCapabilities = (1 << 0) | (0xf << 8);

function controls(defaults: number, allowed1: number, mayBeZero = 0): Capability {
  return [(defaults & ~mayBeZero) >>> 0, (defaults | allowed1) >>> 0];
}

/** The capability MSRs in order of address, from IA32_VMX_BASIC on. */
export function vmxCapabilities(options: CapabilityOptions): readonly Capability[] {
  return [
    // Write-back memory, INS/OUTS information, true controls.
    [vmcsRevision, vmcsRegionSize | (6 << 18) | (1 << 22) | (1 << 23)],
    controls(default1.pin, pinControls),
    controls(default1.primary, primaryControls),
    controls(default1.exit, exitControls),
    controls(default1.entry, entryControls),
    [misc, 0],
    [0x80000021, 0],
    [0xffffffff, 0],
    [0x2000, 0],
    [options.cr4Allowed >>> 0, 0],
    [highestIndex << 1, 0],
    controls(0, secondaryControls),
    [eptCapabilities >>> 0, vpidCapabilities],
    controls(default1.pin, pinControls, relaxed.pin),
    controls(default1.primary, primaryControls, relaxed.primary),
    controls(default1.exit, exitControls, relaxed.exit),
    controls(default1.entry, entryControls, relaxed.entry),
  ];
}

/** Bits that software may set in the MSRs that the guest-state and host-state areas hold, by address. */
export const settableBits: Readonly<Record<number, Capability>> = {
  /** IA32_EFER: SCE, LME, LMA, NXE. */
  0xc0000080: [0xd01, 0],
  /** IA32_DEBUGCTL: LBR, BTF, TR, BTS, BTINT, BTS_OFF_OS, BTS_OFF_USR, the freeze bits. */
  0x1d9: [0xdfc3, 0],
};
