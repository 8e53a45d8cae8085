// SPDX-License-Identifier: LGPL-2.1-only
// The VMX controls that the engine and the core implement. A control that is missing here must be 0, its fields do not exist, and the VM-entry
// rules refuse it. SDM 3D appendix "VMX Capability Reporting Facility".
import {
  EntryControl,
  ExitControl,
  PinBasedControl,
  PrimaryControl,
  SecondaryControl,
  type ControlWord,
} from '../../intrinsics/vmx/control_bits.js';

/** A capability MSR: bits 31:0 (for controls: the allowed-0 settings) and bits 63:32 (the allowed-1 settings). */
export type Capability = readonly [low: number, high: number];

const pinControls =
  PinBasedControl.ExternalInterruptExiting |
  PinBasedControl.NmiExiting |
  PinBasedControl.VirtualNmis |
  PinBasedControl.ActivateVmxPreemptionTimer |
  PinBasedControl.ProcessPostedInterrupts;

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
  PrimaryControl.UseTprShadow |
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
  SecondaryControl.VirtualizeApicAccesses |
  SecondaryControl.VirtualizeX2apicMode |
  SecondaryControl.ApicRegisterVirtualization |
  SecondaryControl.VirtualInterruptDelivery |
  SecondaryControl.EnableEpt |
  SecondaryControl.DescriptorTableExiting |
  SecondaryControl.EnableRdtscp |
  SecondaryControl.EnableVpid |
  SecondaryControl.WbinvdExiting |
  SecondaryControl.UnrestrictedGuest |
  SecondaryControl.EnableInvpcid |
  SecondaryControl.EnableXsavesXrstors |
  SecondaryControl.RdrandExiting |
  SecondaryControl.RdseedExiting |
  SecondaryControl.EnablePml |
  SecondaryControl.ModeBasedExecuteControlForEpt;

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

function controls(defaults: number, allowed1: number, mayBeZero = 0): Capability {
  return [(defaults & ~mayBeZero) >>> 0, (defaults | allowed1) >>> 0];
}

/** Allowed-0 and allowed-1 settings as the MSRs without "true" in their names report them. */
export const allowed = {
  pin: controls(default1.pin, pinControls),
  primary: controls(default1.primary, primaryControls),
  secondary: controls(0, secondaryControls),
  exit: controls(default1.exit, exitControls),
  entry: controls(default1.entry, entryControls),
} as const;

/** The same for the "true" MSRs. */
export const trueAllowed = {
  pin: controls(default1.pin, pinControls, relaxed.pin),
  primary: controls(default1.primary, primaryControls, relaxed.primary),
  exit: controls(default1.exit, exitControls, relaxed.exit),
  entry: controls(default1.entry, entryControls, relaxed.entry),
} as const;

/** The controls of a word that may be 1. */
export function allowed1(word: ControlWord): number {
  return (allowed as Partial<Record<ControlWord, Capability>>)[word]?.[1] ?? 0;
}
