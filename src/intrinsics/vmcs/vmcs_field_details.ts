// SPDX-License-Identifier: LGPL-2.1-only
// Facts about VMCS fields that their encodings do not show: when a field exists, and the names of its bits. SDM 3D appendix "Field Encoding in VMCS".
import { bits, bitFieldsOf, scattered, snakeCase, valuesOf, type BitField, type ValueNames } from '../bit_fields.js';
import {
  controlBitFields,
  controlMasks,
  EntryControl,
  ExitControl,
  PinBasedControl,
  PrimaryControl,
  SecondaryControl,
  TertiaryControl,
  VmFunctionControl,
  type ControlBit,
  type ControlWord,
} from '../vmx/control_bits.js';
import {
  entryInterruptionFields,
  exitInstructionInformationFields,
  exitInterruptionFields,
  exitQualificationFields,
  idtVectoringFields,
} from '../vmx/exit_information.js';
import { ExitReason, exitReasonDescription } from '../vmx/exit_reasons.js';
import { Msr } from '../registers/msr_definitions.js';
import {
  accessRightsFields,
  ActivityState,
  Bndcfgs,
  Cr0,
  Cr4,
  debugctlFields,
  dr7Fields,
  eferFields,
  InterruptibilityState,
  patEntryFields,
  PendingDebugExceptions,
  pdpteFields,
  perfGlobalCtrlFields,
  rflagsFields,
  selectorFields,
} from '../registers/registers.js';
import { VmInstructionError, vmInstructionErrorText } from '../vmx/vm_instruction_errors.js';
import {
  bytesOfField,
  groupOfField,
  isReadOnlyField,
  VmcsField,
  widthOfField,
  type VmcsFieldGroup,
  type VmcsFieldName,
  type VmcsFieldWidth,
} from './vmcs_fields.js';

/** Controls that must all be allowed to be 1. */
export type AllOf = readonly ControlBit[];

/** All that is known about a VMCS field. */
export interface VmcsFieldDefinition {
  /** snake_case, the SDM's name: what dumps print. */
  readonly name: string;
  readonly encoding: number;
  readonly width: VmcsFieldWidth;
  readonly bytes: 2 | 4 | 8;
  readonly group: VmcsFieldGroup;
  readonly readOnly: boolean;
  /** The field exists if all controls of one of these lists may be 1. No list: it exists on every processor. */
  readonly existsIf: readonly AllOf[];
  readonly fields: readonly BitField[];
  /** Names of the values of the whole field. */
  readonly values: ValueNames;
  /** What a value of the whole field means, if its name does not say it. */
  readonly meaning: ((value: number) => string) | undefined;
  /** For words of controls: which word, and so which capability MSR. */
  readonly controlWord: ControlWord | undefined;
}

/** The MSR that says which controls of a word may be 0 and 1. SDM 3D "VMX Capability Reporting Facility". */
export const capabilityMsrOf: Readonly<Record<ControlWord, Msr>> = {
  pin: Msr.Ia32VmxTruePinbasedCtls,
  primary: Msr.Ia32VmxTrueProcbasedCtls,
  secondary: Msr.Ia32VmxProcbasedCtls2,
  tertiary: Msr.Ia32VmxProcbasedCtls3,
  exit: Msr.Ia32VmxTrueExitCtls,
  secondaryExit: Msr.Ia32VmxExitCtls2,
  entry: Msr.Ia32VmxTrueEntryCtls,
  vmfunc: Msr.Ia32VmxVmfunc,
};

/** The same on a processor whose IA32_VMX_BASIC[55] is 0: it has no "true" MSRs. */
export const plainCapabilityMsrOf: Readonly<Record<ControlWord, Msr>> = {
  ...capabilityMsrOf,
  pin: Msr.Ia32VmxPinbasedCtls,
  primary: Msr.Ia32VmxProcbasedCtls,
  exit: Msr.Ia32VmxExitCtls,
  entry: Msr.Ia32VmxEntryCtls,
};

function control(word: ControlWord, mask: number): ControlBit {
  const name = Object.entries(controlMasks[word]).find(([, value]) => value === mask)![0];
  return { word, mask, name: `${word}.${snakeCase(name)}` };
}

const pin = (mask: number): AllOf[] => [[control('pin', mask)]];
const primary = (mask: number): AllOf[] => [[control('primary', mask)]];
const secondary = (mask: number): AllOf[] => [
  [control('primary', PrimaryControl.ActivateSecondaryControls), control('secondary', mask)],
];
const tertiary = (mask: number): AllOf[] => [
  [control('primary', PrimaryControl.ActivateTertiaryControls), control('tertiary', mask)],
];
const exit = (mask: number): AllOf[] => [[control('exit', mask)]];
const entry = (mask: number): AllOf[] => [[control('entry', mask)]];
const either = (...alternatives: AllOf[][]): AllOf[] => alternatives.flat();

const existsIf: Readonly<Record<number, readonly AllOf[]>> = {
  [VmcsField.VirtualProcessorIdentifier]: secondary(SecondaryControl.EnableVpid),
  [VmcsField.PostedInterruptNotificationVector]: pin(PinBasedControl.ProcessPostedInterrupts),
  [VmcsField.EptpIndex]: secondary(SecondaryControl.EptViolationVe),
  [VmcsField.HlatPrefixSize]: tertiary(TertiaryControl.EnableHlat),
  [VmcsField.LastPidPointerIndex]: tertiary(TertiaryControl.IpiVirtualization),
  [VmcsField.GuestInterruptStatus]: secondary(SecondaryControl.VirtualInterruptDelivery),
  [VmcsField.PmlIndex]: secondary(SecondaryControl.EnablePml),
  [VmcsField.GuestUinv]: entry(EntryControl.LoadUinv),
  [VmcsField.AddressOfMsrBitmap]: primary(PrimaryControl.UseMsrBitmap),
  [VmcsField.PmlAddress]: secondary(SecondaryControl.EnablePml),
  [VmcsField.VirtualApicAddress]: primary(PrimaryControl.UseTprShadow),
  [VmcsField.ApicAccessAddress]: secondary(SecondaryControl.VirtualizeApicAccesses),
  [VmcsField.PostedInterruptDescriptorAddress]: pin(PinBasedControl.ProcessPostedInterrupts),
  [VmcsField.VmFunctionControls]: secondary(SecondaryControl.EnableVmFunctions),
  [VmcsField.EptPointer]: secondary(SecondaryControl.EnableEpt),
  [VmcsField.EoiExitBitmap0]: secondary(SecondaryControl.VirtualInterruptDelivery),
  [VmcsField.EoiExitBitmap1]: secondary(SecondaryControl.VirtualInterruptDelivery),
  [VmcsField.EoiExitBitmap2]: secondary(SecondaryControl.VirtualInterruptDelivery),
  [VmcsField.EoiExitBitmap3]: secondary(SecondaryControl.VirtualInterruptDelivery),
  [VmcsField.EptpListAddress]: [
    [...secondary(SecondaryControl.EnableVmFunctions)[0]!, control('vmfunc', VmFunctionControl.EptpSwitching)],
  ],
  [VmcsField.VmreadBitmapAddress]: secondary(SecondaryControl.VmcsShadowing),
  [VmcsField.VmwriteBitmapAddress]: secondary(SecondaryControl.VmcsShadowing),
  [VmcsField.VirtualizationExceptionInformationAddress]: secondary(SecondaryControl.EptViolationVe),
  [VmcsField.XssExitingBitmap]: secondary(SecondaryControl.EnableXsavesXrstors),
  [VmcsField.EnclsExitingBitmap]: secondary(SecondaryControl.EnableEnclsExiting),
  [VmcsField.SubPagePermissionTablePointer]: secondary(SecondaryControl.SubPageWritePermissionsForEpt),
  [VmcsField.TscMultiplier]: secondary(SecondaryControl.UseTscScaling),
  [VmcsField.TertiaryProcessorBasedVmExecutionControls]: primary(PrimaryControl.ActivateTertiaryControls),
  [VmcsField.EnclvExitingBitmap]: secondary(SecondaryControl.EnableEnclvExiting),
  [VmcsField.PconfigExitingBitmap]: secondary(SecondaryControl.EnablePconfig),
  [VmcsField.HlatPointer]: tertiary(TertiaryControl.EnableHlat),
  [VmcsField.PidPointerTableAddress]: tertiary(TertiaryControl.IpiVirtualization),
  [VmcsField.SecondaryVmExitControls]: exit(ExitControl.ActivateSecondaryControls),
  [VmcsField.Ia32SpecCtrlMask]: tertiary(TertiaryControl.VirtualizeIa32SpecCtrl),
  [VmcsField.Ia32SpecCtrlShadow]: tertiary(TertiaryControl.VirtualizeIa32SpecCtrl),
  [VmcsField.GuestPhysicalAddress]: secondary(SecondaryControl.EnableEpt),
  [VmcsField.GuestIa32Pat]: either(entry(EntryControl.LoadIa32Pat), exit(ExitControl.SaveIa32Pat)),
  [VmcsField.GuestIa32Efer]: either(entry(EntryControl.LoadIa32Efer), exit(ExitControl.SaveIa32Efer)),
  [VmcsField.GuestIa32PerfGlobalCtrl]: either(
    entry(EntryControl.LoadIa32PerfGlobalCtrl),
    exit(ExitControl.SaveIa32PerfGlobalCtrl),
  ),
  [VmcsField.GuestPdpte0]: secondary(SecondaryControl.EnableEpt),
  [VmcsField.GuestPdpte1]: secondary(SecondaryControl.EnableEpt),
  [VmcsField.GuestPdpte2]: secondary(SecondaryControl.EnableEpt),
  [VmcsField.GuestPdpte3]: secondary(SecondaryControl.EnableEpt),
  [VmcsField.GuestIa32Bndcfgs]: either(entry(EntryControl.LoadIa32Bndcfgs), exit(ExitControl.ClearIa32Bndcfgs)),
  [VmcsField.GuestIa32RtitCtl]: either(entry(EntryControl.LoadIa32RtitCtl), exit(ExitControl.ClearIa32RtitCtl)),
  [VmcsField.GuestIa32LbrCtl]: either(entry(EntryControl.LoadIa32LbrCtl), exit(ExitControl.ClearIa32LbrCtl)),
  [VmcsField.GuestIa32Pkrs]: entry(EntryControl.LoadPkrs),
  [VmcsField.HostIa32Pat]: exit(ExitControl.LoadIa32Pat),
  [VmcsField.HostIa32Efer]: exit(ExitControl.LoadIa32Efer),
  [VmcsField.HostIa32PerfGlobalCtrl]: exit(ExitControl.LoadIa32PerfGlobalCtrl),
  [VmcsField.HostIa32Pkrs]: exit(ExitControl.LoadPkrs),
  [VmcsField.TprThreshold]: primary(PrimaryControl.UseTprShadow),
  [VmcsField.SecondaryProcessorBasedVmExecutionControls]: primary(PrimaryControl.ActivateSecondaryControls),
  [VmcsField.PleGap]: secondary(SecondaryControl.PauseLoopExiting),
  [VmcsField.PleWindow]: secondary(SecondaryControl.PauseLoopExiting),
  [VmcsField.InstructionTimeoutControl]: secondary(SecondaryControl.InstructionTimeout),
  [VmcsField.VmxPreemptionTimerValue]: pin(PinBasedControl.ActivateVmxPreemptionTimer),
  [VmcsField.GuestIa32SCet]: entry(EntryControl.LoadCetState),
  [VmcsField.GuestSsp]: entry(EntryControl.LoadCetState),
  [VmcsField.GuestIa32InterruptSspTableAddr]: entry(EntryControl.LoadCetState),
  [VmcsField.HostIa32SCet]: exit(ExitControl.LoadCetState),
  [VmcsField.HostSsp]: exit(ExitControl.LoadCetState),
  [VmcsField.HostIa32InterruptSspTableAddr]: exit(ExitControl.LoadCetState),
};

/** The field that holds each word of controls. */
export const controlFieldOf = {
  pin: VmcsField.PinBasedVmExecutionControls,
  primary: VmcsField.PrimaryProcessorBasedVmExecutionControls,
  secondary: VmcsField.SecondaryProcessorBasedVmExecutionControls,
  tertiary: VmcsField.TertiaryProcessorBasedVmExecutionControls,
  exit: VmcsField.VmExitControls,
  secondaryExit: VmcsField.SecondaryVmExitControls,
  entry: VmcsField.VmEntryControls,
  vmfunc: VmcsField.VmFunctionControls,
} as const satisfies Readonly<Record<ControlWord, VmcsField>>;

const controlWords = new Map<number, ControlWord>(
  (Object.entries(controlFieldOf) as [ControlWord, number][]).map(([word, field]) => [field, word]),
);

/** The word of controls that a field holds. */
export function controlWordOf(encoding: number): ControlWord | undefined {
  return controlWords.get(encoding);
}

const cr0Fields = bitFieldsOf(Cr0);
const cr4Fields = bitFieldsOf(Cr4);
const perfGlobalCtrlFieldsWithReserved = [...perfGlobalCtrlFields, scattered('reserved', 0xfffffff8fffffffcn)] as const;

/** The bit fields of each field that has any. */
export const vmcsFieldBits = {
  GuestEsSelector: selectorFields,
  GuestCsSelector: selectorFields,
  GuestSsSelector: selectorFields,
  GuestDsSelector: selectorFields,
  GuestFsSelector: selectorFields,
  GuestGsSelector: selectorFields,
  GuestLdtrSelector: selectorFields,
  GuestTrSelector: selectorFields,
  HostEsSelector: selectorFields,
  HostCsSelector: selectorFields,
  HostSsSelector: selectorFields,
  HostDsSelector: selectorFields,
  HostFsSelector: selectorFields,
  HostGsSelector: selectorFields,
  HostTrSelector: selectorFields,
  GuestEsAccessRights: accessRightsFields,
  GuestCsAccessRights: accessRightsFields,
  GuestSsAccessRights: accessRightsFields,
  GuestDsAccessRights: accessRightsFields,
  GuestFsAccessRights: accessRightsFields,
  GuestGsAccessRights: accessRightsFields,
  GuestLdtrAccessRights: accessRightsFields,
  GuestTrAccessRights: accessRightsFields,
  PinBasedVmExecutionControls: controlBitFields.pin,
  PrimaryProcessorBasedVmExecutionControls: controlBitFields.primary,
  SecondaryProcessorBasedVmExecutionControls: controlBitFields.secondary,
  TertiaryProcessorBasedVmExecutionControls: controlBitFields.tertiary,
  VmExitControls: controlBitFields.exit,
  SecondaryVmExitControls: controlBitFields.secondaryExit,
  VmEntryControls: controlBitFields.entry,
  VmFunctionControls: [...controlBitFields.vmfunc, bits('reserved', 1, 63)],
  EptPointer: [
    bits('memory_type', 0, 2, { uncacheable: 0, write_back: 6 }),
    bits('page_walk_length_minus_one', 3, 5),
    bits('accessed_and_dirty_flags', 6),
    bits('phys_addr', 12, 47),
    scattered('reserved', 0xffff000000000f80n),
  ],
  GuestIa32Debugctl: debugctlFields,
  GuestIa32Pat: patEntryFields,
  HostIa32Pat: patEntryFields,
  GuestIa32Efer: eferFields,
  HostIa32Efer: eferFields,
  GuestIa32PerfGlobalCtrl: perfGlobalCtrlFieldsWithReserved,
  HostIa32PerfGlobalCtrl: perfGlobalCtrlFieldsWithReserved,
  GuestPdpte0: pdpteFields,
  GuestPdpte1: pdpteFields,
  GuestPdpte2: pdpteFields,
  GuestPdpte3: pdpteFields,
  GuestIa32Bndcfgs: [...bitFieldsOf(Bndcfgs), bits('reserved', 2, 11), bits('base_addr_of_bnd_directory', 12, 63)],
  VmEntryInterruptionInformationField: entryInterruptionFields,
  ExitReason: [
    { ...bits('basic_exit_reason', 0, 15, valuesOf(ExitReason)), meaning: exitReasonDescription },
    scattered('reserved', 0x47ff0000n),
    bits('vm_exit_incident_to_enclave_mode', 27),
    bits('pending_mtf_vm_exit', 28),
    bits('vm_exit_from_vmx_root_operation', 29),
    bits('vm_entry_failure', 31),
  ],
  VmExitInterruptionInformation: exitInterruptionFields,
  IdtVectoringInformation: idtVectoringFields,
  VmExitInstructionInformation: exitInstructionInformationFields,
  ExitQualification: exitQualificationFields,
  GuestInterruptibilityState: [...bitFieldsOf(InterruptibilityState), bits('reserved', 5, 31)],
  GuestCr0: cr0Fields,
  HostCr0: cr0Fields,
  GuestCr4: cr4Fields,
  HostCr4: cr4Fields,
  GuestDr7: dr7Fields,
  GuestRflags: rflagsFields,
  GuestPendingDebugExceptions: [...bitFieldsOf(PendingDebugExceptions), scattered('reserved', 0xfffffffffffeaff0n)],
} as const satisfies Readonly<Partial<Record<VmcsFieldName, readonly BitField[]>>>;

/** Fields whose value as a whole has a name. */
export const vmcsFieldValues = {
  GuestActivityState: valuesOf(ActivityState),
  VmInstructionError: valuesOf(VmInstructionError),
} as const satisfies Readonly<Partial<Record<VmcsFieldName, ValueNames>>>;

function define(name: VmcsFieldName): VmcsFieldDefinition {
  const encoding = VmcsField[name];
  return {
    name: snakeCase(name),
    encoding,
    width: widthOfField(encoding),
    bytes: bytesOfField(encoding),
    group: groupOfField(encoding),
    readOnly: isReadOnlyField(encoding),
    existsIf: existsIf[encoding] ?? [],
    fields: (vmcsFieldBits as Readonly<Partial<Record<VmcsFieldName, readonly BitField[]>>>)[name] ?? [],
    values: (vmcsFieldValues as Readonly<Partial<Record<VmcsFieldName, ValueNames>>>)[name] ?? {},
    meaning: name === 'VmInstructionError' ? vmInstructionErrorText : undefined,
    controlWord: controlWordOf(encoding),
  };
}

/** All VMCS fields in order of encoding: 16-bit, 64-bit, 32-bit, natural width; control, read-only, guest, host in each. */
export const vmcsFieldDefinitions: readonly VmcsFieldDefinition[] = (Object.keys(VmcsField) as VmcsFieldName[]).map(
  define,
);

const byEncoding = new Map(vmcsFieldDefinitions.map((definition) => [definition.encoding, definition]));

/** The definition of a field, undefined for an encoding without a name. */
export function vmcsFieldDefinition(encoding: number): VmcsFieldDefinition | undefined {
  return byEncoding.get(encoding);
}

/** `GUEST_CR3 (0x6802)`: how messages name a field. */
export function vmcsFieldLabel(encoding: number): string {
  const name = byEncoding.get(encoding & ~1)?.name.toUpperCase() ?? 'unnamed field';
  return `${name} (0x${encoding.toString(16).padStart(4, '0')})`;
}

/**
 * Whether a field exists on a processor. `allowed1` gives the controls of a word that may be 1: bits 63:32 of its capability MSR (for the
 * tertiary word and the VM functions: bits 31:0 of the MSR), 0 where the MSR does not exist.
 */
export function vmcsFieldExists(definition: VmcsFieldDefinition, allowed1: (word: ControlWord) => number): boolean {
  if (definition.existsIf.length === 0) return true;
  return definition.existsIf.some((controls) => controls.every(({ word, mask }) => (allowed1(word) & mask) !== 0));
}
