// SPDX-License-Identifier: LGPL-2.1-only
// SDM 3C "VM Instruction Error Numbers".

/** The VM-instruction errors by name. Numbers 14, 21 and 27 are not used. */
export const VmInstructionError = {
  VmcallInVmxRoot: 1,
  VmclearInvalidAddress: 2,
  VmclearVmxonPointer: 3,
  VmlaunchNonClearVmcs: 4,
  VmresumeNonLaunchedVmcs: 5,
  VmresumeAfterVmxoff: 6,
  EntryInvalidControlFields: 7,
  EntryInvalidHostState: 8,
  VmptrldInvalidAddress: 9,
  VmptrldVmxonPointer: 10,
  VmptrldWrongRevision: 11,
  UnsupportedVmcsComponent: 12,
  VmwriteReadOnlyComponent: 13,
  VmxonInVmxRoot: 15,
  EntryInvalidExecutiveVmcsPointer: 16,
  EntryNonLaunchedExecutiveVmcs: 17,
  EntryExecutiveVmcsPointerNotVmxonPointer: 18,
  VmcallNonClearVmcs: 19,
  VmcallInvalidExitControls: 20,
  VmcallWrongMsegRevision: 22,
  VmxoffUnderDualMonitorTreatment: 23,
  VmcallInvalidSmmMonitorFeatures: 24,
  EntryInvalidExecutionControlsInExecutiveVmcs: 25,
  EntryEventsBlockedByMovSs: 26,
  InvalidOperandToInveptOrInvvpid: 28,
} as const;

/** The number of a VM-instruction error. */
export type VmInstructionError = (typeof VmInstructionError)[keyof typeof VmInstructionError];

/** A VM-instruction error with its text. */
export interface VmInstructionErrorDefinition {
  readonly number: VmInstructionError;
  readonly name: string;
  readonly text: string;
}

const texts: Readonly<Record<VmInstructionError, string>> = {
  1: 'VMCALL was executed in VMX root operation',
  2: 'VMCLEAR with an address that is not page-aligned or beyond the physical-address width',
  3: 'VMCLEAR with the address of the VMXON region',
  4: 'VMLAUNCH with a VMCS that is not clear: VMCLEAR it first, or use VMRESUME',
  5: 'VMRESUME with a VMCS that was not launched: use VMLAUNCH',
  6: 'VMRESUME after VMXOFF and VMXON came between its launch and now',
  7: 'VM entry with invalid control fields',
  8: 'VM entry with invalid host-state fields',
  9: 'VMPTRLD with an address that is not page-aligned or beyond the physical-address width',
  10: 'VMPTRLD with the address of the VMXON region',
  11: 'VMPTRLD of a region whose first word is not the VMCS revision identifier',
  12: 'VMREAD or VMWRITE of a field that this processor does not have',
  13: 'VMWRITE to a read-only field',
  15: 'VMXON was executed in VMX root operation',
  16: 'VM entry with an invalid executive-VMCS pointer',
  17: 'VM entry with an executive VMCS that was not launched',
  18: 'VM entry whose executive-VMCS pointer is not the VMXON pointer, on the way out of the dual-monitor treatment',
  19: 'VMCALL to the SMM monitor with a VMCS that is not clear',
  20: 'VMCALL to the SMM monitor with invalid VM-exit control fields',
  22: 'VMCALL to the SMM monitor with a wrong MSEG revision identifier',
  23: 'VMXOFF under the dual-monitor treatment of SMIs and SMM',
  24: 'VMCALL to the SMM monitor with invalid SMM-monitor features',
  25: 'VM entry from SMM with invalid VM-execution control fields in the executive VMCS',
  26: 'VM entry while MOV SS blocks events: one more instruction must come between MOV SS and the entry',
  28: 'INVEPT or INVVPID with an invalid type or descriptor',
};

const advice: Readonly<Partial<Record<VmInstructionError, string>>> = {
  2: 'Pass the physical address of the 4-KiB VMCS region.',
  3: 'A VMCS needs a page of its own.',
  9: 'Pass the physical address of the 4-KiB VMCS region.',
  10: 'A VMCS needs a page of its own.',
  11: 'Write IA32_VMX_BASIC[30:0] into the first word of the region.',
  12: 'Ask `exists(field)` first, or use an accessor whose name ends in `IfExists`.',
  13: 'Exit fields are writable only with IA32_VMX_MISC[29].',
  28: 'IA32_VMX_EPT_VPID_CAP says which types the processor has.',
};

/** All VM-instruction errors in order of number. */
export const vmInstructionErrorDefinitions: readonly VmInstructionErrorDefinition[] = Object.entries(
  VmInstructionError,
).map(([name, number]) => ({ number, name, text: texts[number] }));

/** The text of a VM-instruction error; "unknown" for a number without a meaning. */
export function vmInstructionErrorText(number: number): string {
  return (texts as Readonly<Record<number, string | undefined>>)[number] ?? `unknown VM-instruction error ${number}`;
}

/** What to do about a VM-instruction error; empty if its text says it. */
export function vmInstructionErrorAdvice(number: number): string {
  return (advice as Readonly<Record<number, string | undefined>>)[number] ?? '';
}
