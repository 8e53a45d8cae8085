// SPDX-License-Identifier: LGPL-2.1-only
// The VMX controls by name, each as its mask within its control word. SDM 3C "VM-Execution Control Fields", "VM-Exit Control Fields",
// "VM-Entry Control Fields".
import { controlsOf } from '../bit_fields.js';

/** SDM 3C "Pin-Based VM-Execution Controls". */
export const PinBasedControl = {
  ExternalInterruptExiting: 1 << 0,
  NmiExiting: 1 << 3,
  VirtualNmis: 1 << 5,
  ActivateVmxPreemptionTimer: 1 << 6,
  ProcessPostedInterrupts: 1 << 7,
} as const;

/** SDM 3C "Processor-Based VM-Execution Controls", the primary word. */
export const PrimaryControl = {
  InterruptWindowExiting: 1 << 2,
  UseTscOffsetting: 1 << 3,
  HltExiting: 1 << 7,
  InvlpgExiting: 1 << 9,
  MwaitExiting: 1 << 10,
  RdpmcExiting: 1 << 11,
  RdtscExiting: 1 << 12,
  Cr3LoadExiting: 1 << 15,
  Cr3StoreExiting: 1 << 16,
  ActivateTertiaryControls: 1 << 17,
  Cr8LoadExiting: 1 << 19,
  Cr8StoreExiting: 1 << 20,
  UseTprShadow: 1 << 21,
  NmiWindowExiting: 1 << 22,
  MovDrExiting: 1 << 23,
  UnconditionalIoExiting: 1 << 24,
  UseIoBitmaps: 1 << 25,
  MonitorTrapFlag: 1 << 27,
  UseMsrBitmap: 1 << 28,
  MonitorExiting: 1 << 29,
  PauseExiting: 1 << 30,
  ActivateSecondaryControls: 0x80000000,
} as const;

/** SDM 3C "Processor-Based VM-Execution Controls", the secondary word. */
export const SecondaryControl = {
  VirtualizeApicAccesses: 1 << 0,
  EnableEpt: 1 << 1,
  DescriptorTableExiting: 1 << 2,
  EnableRdtscp: 1 << 3,
  VirtualizeX2apicMode: 1 << 4,
  EnableVpid: 1 << 5,
  WbinvdExiting: 1 << 6,
  UnrestrictedGuest: 1 << 7,
  ApicRegisterVirtualization: 1 << 8,
  VirtualInterruptDelivery: 1 << 9,
  PauseLoopExiting: 1 << 10,
  RdrandExiting: 1 << 11,
  EnableInvpcid: 1 << 12,
  EnableVmFunctions: 1 << 13,
  VmcsShadowing: 1 << 14,
  EnableEnclsExiting: 1 << 15,
  RdseedExiting: 1 << 16,
  EnablePml: 1 << 17,
  EptViolationVe: 1 << 18,
  ConcealVmxFromPt: 1 << 19,
  EnableXsavesXrstors: 1 << 20,
  PasidTranslation: 1 << 21,
  ModeBasedExecuteControlForEpt: 1 << 22,
  SubPageWritePermissionsForEpt: 1 << 23,
  IntelPtUsesGuestPhysicalAddresses: 1 << 24,
  UseTscScaling: 1 << 25,
  EnableUserWaitAndPause: 1 << 26,
  EnablePconfig: 1 << 27,
  EnableEnclvExiting: 1 << 28,
  VmmBusLockDetection: 1 << 30,
  InstructionTimeout: 0x80000000,
} as const;

/** SDM 3C "Processor-Based VM-Execution Controls", bits 31:0 of the 64-bit tertiary word. */
export const TertiaryControl = {
  LoadiwkeyExiting: 1 << 0,
  EnableHlat: 1 << 1,
  EptPagingWriteControl: 1 << 2,
  GuestPagingVerification: 1 << 3,
  IpiVirtualization: 1 << 4,
  VirtualizeIa32SpecCtrl: 1 << 7,
} as const;

/** SDM 3C "VM-Exit Controls", the primary word. */
export const ExitControl = {
  SaveDebugControls: 1 << 2,
  HostAddressSpaceSize: 1 << 9,
  LoadIa32PerfGlobalCtrl: 1 << 12,
  AcknowledgeInterruptOnExit: 1 << 15,
  SaveIa32Pat: 1 << 18,
  LoadIa32Pat: 1 << 19,
  SaveIa32Efer: 1 << 20,
  LoadIa32Efer: 1 << 21,
  SaveVmxPreemptionTimerValue: 1 << 22,
  ClearIa32Bndcfgs: 1 << 23,
  ConcealVmxFromPt: 1 << 24,
  ClearIa32RtitCtl: 1 << 25,
  ClearIa32LbrCtl: 1 << 26,
  ClearUinv: 1 << 27,
  LoadCetState: 1 << 28,
  LoadPkrs: 1 << 29,
  SaveIa32PerfGlobalCtrl: 1 << 30,
  ActivateSecondaryControls: 0x80000000,
} as const;

/** SDM 3C "VM-Exit Controls", bits 31:0 of the 64-bit secondary word. */
export const SecondaryExitControl = {
  SaveIa32Fred: 1 << 0,
  LoadIa32Fred: 1 << 1,
  PrematurelyBusyShadowStack: 1 << 3,
} as const;

/** SDM 3C "VM-Entry Controls". */
export const EntryControl = {
  LoadDebugControls: 1 << 2,
  Ia32eModeGuest: 1 << 9,
  EntryToSmm: 1 << 10,
  DeactivateDualMonitorTreatment: 1 << 11,
  LoadIa32PerfGlobalCtrl: 1 << 13,
  LoadIa32Pat: 1 << 14,
  LoadIa32Efer: 1 << 15,
  LoadIa32Bndcfgs: 1 << 16,
  ConcealVmxFromPt: 1 << 17,
  LoadIa32RtitCtl: 1 << 18,
  LoadUinv: 1 << 19,
  LoadCetState: 1 << 20,
  LoadIa32LbrCtl: 1 << 21,
  LoadPkrs: 1 << 22,
} as const;

/** SDM 3C "VM-Function Controls". */
export const VmFunctionControl = {
  EptpSwitching: 1 << 0,
} as const;

/** The masks of each word of VMX controls; each word has a capability MSR. */
export const controlMasks = {
  pin: PinBasedControl,
  primary: PrimaryControl,
  secondary: SecondaryControl,
  tertiary: TertiaryControl,
  exit: ExitControl,
  secondaryExit: SecondaryExitControl,
  entry: EntryControl,
  vmfunc: VmFunctionControl,
} as const;

/** A word of VMX controls that has a capability MSR. */
export type ControlWord = keyof typeof controlMasks;

/** A single control: its word and its mask. */
export interface ControlBit {
  readonly word: ControlWord;
  readonly mask: number;
  /** For messages: `secondary.enable_vpid`. */
  readonly name: string;
}

/** The bit fields of each word, for accessors, dumps and `describe`. */
export const controlBitFields = {
  pin: controlsOf(PinBasedControl),
  primary: controlsOf(PrimaryControl),
  secondary: controlsOf(SecondaryControl),
  tertiary: controlsOf(TertiaryControl),
  exit: controlsOf(ExitControl),
  secondaryExit: controlsOf(SecondaryExitControl),
  entry: controlsOf(EntryControl),
  vmfunc: controlsOf(VmFunctionControl),
} as const;

/** The 64-bit words. Their capability MSR has one bit per control, the allowed-1 setting. Each control may be 0. */
const wideWords: ReadonlySet<ControlWord> = new Set<ControlWord>(['tertiary', 'secondaryExit', 'vmfunc']);

/** Whether a word's capability MSR is one 64-bit word of allowed-1 settings, not a half of allowed-0 and one of allowed-1 settings. */
export function isWideControlWord(word: ControlWord): boolean {
  return wideWords.has(word);
}

/** The controls of a word that must be 1, by the value of its capability MSR. SDM 3D "VMX Capability Reporting Facility". */
export function mustBeOne(word: ControlWord, capability: bigint): number {
  return isWideControlWord(word) ? 0 : Number(capability & 0xffffffffn) | 0;
}

/** The controls of a word that may be 1 (of a 64-bit word: of its bits 31:0), by the value of its capability MSR. */
export function mayBeOne(word: ControlWord, capability: bigint): number {
  return Number((isWideControlWord(word) ? capability : capability >> 32n) & 0xffffffffn) | 0;
}
