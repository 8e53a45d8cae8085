// SPDX-License-Identifier: LGPL-2.1-only
import {
  CpuidLeaf,
  FeatureInformationEbx,
  FeatureInformationEcx,
  FeatureInformationEdx,
} from '../../intrinsics/registers/cpuid_leaves.js';
import { InveptType, InvvpidType } from '../../intrinsics/instructions/vmx.js';
import { PinBasedControl, PrimaryControl, SecondaryControl } from '../../intrinsics/vmx/control_bits.js';
import { ApicRegister, InterruptCommand } from '../../intrinsics/structures/apic_registers.js';
import {
  ApicAccessType,
  ControlRegisterAccess,
  ControlRegisterAccessType,
  DebugRegisterAccess,
  DescriptorTableInstruction,
  EptViolationBit,
  InstructionInformation,
  InterruptionBit,
  InterruptionType,
  IoAccess,
  LinearApicAccess,
  SystemSegmentInstruction,
  TaskSwitch,
  TaskSwitchSource,
  Vector,
  vectorMnemonics,
} from '../../intrinsics/vmx/exit_information.js';
import { ExitReason } from '../../intrinsics/vmx/exit_reasons.js';
import {
  ApicBase,
  FeatureControl,
  LastBranchMsr,
  MiscEnable,
  MiscEnableHigh,
  Msr,
  MtrrDefType,
  MtrrPhysbase,
  MtrrPhysmask,
  X2apicMsr,
} from '../../intrinsics/registers/msr_definitions.js';
import {
  AccessRights,
  ActivityState,
  Cr0,
  Cr4,
  Debugctl,
  Dr6,
  Dr7,
  Efer,
  InterruptibilityState,
  MemoryType,
  PendingDebugExceptions,
  Rflags,
  SegmentSelector,
  SegmentTypeBit,
  SystemSegment,
  STATUS_FLAGS,
  SystemSegmentBit,
  Xcr0,
} from '../../intrinsics/registers/registers.js';
import { FloatException, Mxcsr, X87Control, X87Opcode, X87Status } from '../../intrinsics/registers/floating_point.js';
import { InvpcidType } from '../../intrinsics/registers/paging.js';
import { ResetState } from '../../intrinsics/contents/reset_state.js';
import {
  EptEntry,
  InitialConfiguration,
  PageFaultError,
  PageTableEntry,
  PageTableEntryHigh,
  SelectorError,
  Tss16,
  Tss32,
  Tss64,
  XcompBvHigh,
  XsaveArea,
} from '../../intrinsics/structures/memory_structures.js';
import { VmxMode } from '../vmx/vmx_mode.js';
import { constant, namespace, wide, word, type Group } from './emit_constants.js';

/** The architecture's constants that the core needs, under their TypeScript names. */
export const architecture: Readonly<Record<string, Group>> = {
  ExitReason: word(ExitReason),
  InstructionInformation: word(InstructionInformation),
  ControlRegisterAccess: wide(ControlRegisterAccess),
  ControlRegisterAccessType: word(ControlRegisterAccessType),
  DebugRegisterAccess: wide(DebugRegisterAccess),
  IoAccess: wide(IoAccess),
  DescriptorTableInstruction: word(DescriptorTableInstruction),
  SystemSegmentInstruction: word(SystemSegmentInstruction),
  TaskSwitch: wide(TaskSwitch),
  TaskSwitchSource: word(TaskSwitchSource),
  EptViolationBit: wide(EptViolationBit),
  LinearApicAccess: wide(LinearApicAccess),
  ApicAccessType: word(ApicAccessType),
  ApicRegister: word(ApicRegister),
  InterruptCommand: word(InterruptCommand),
  CpuidLeaf: word(CpuidLeaf),
  FeatureInformationEbx: word(FeatureInformationEbx),
  FeatureInformationEcx: word(FeatureInformationEcx),
  FeatureInformationEdx: word(FeatureInformationEdx),
  PageTableEntry: wide(PageTableEntry),
  PageTableEntryHigh: wide(PageTableEntryHigh),
  PageFaultError: word(PageFaultError),
  SelectorError: word(SelectorError),
  EptEntry: wide(EptEntry),
  Tss64: word(Tss64),
  Tss32: word(Tss32),
  Tss16: word(Tss16),
  XsaveArea: word(XsaveArea),
  InitialConfiguration: word(InitialConfiguration),
  XcompBvHigh: wide(XcompBvHigh),
  InterruptionType: word(InterruptionType),
  InterruptionBit: word(InterruptionBit),
  PinBasedControl: word(PinBasedControl),
  PrimaryControl: word(PrimaryControl),
  SecondaryControl: word(SecondaryControl),
  Msr: word(Msr),
  X2apicMsr: word(X2apicMsr),
  LastBranchMsr: word(LastBranchMsr),
  FeatureControl: wide(FeatureControl),
  ApicBase: wide(ApicBase),
  MiscEnable: wide(MiscEnable),
  MiscEnableHigh: wide(MiscEnableHigh),
  MtrrDefType: word(MtrrDefType),
  MtrrPhysbase: word(MtrrPhysbase),
  MtrrPhysmask: word(MtrrPhysmask),
  MemoryType: word(MemoryType),
  Xcr0: wide(Xcr0),
  Cr0: word(Cr0),
  Cr4: word(Cr4),
  Efer: word(Efer),
  FloatException: word(FloatException),
  X87Status: word(X87Status),
  X87Control: word(X87Control),
  X87Opcode: word(X87Opcode),
  Mxcsr: word(Mxcsr),
  InvpcidType: word(InvpcidType),
  InveptType: word(InveptType),
  InvvpidType: word(InvvpidType),
  Rflags: wide(Rflags),
  Dr6: wide(Dr6),
  Dr7: wide(Dr7),
  Debugctl: wide(Debugctl),
  AccessRights: word(AccessRights),
  SegmentSelector: word(SegmentSelector),
  SegmentTypeBit: word(SegmentTypeBit),
  SystemSegment: word(SystemSegment),
  SystemSegmentBit: word(SystemSegmentBit),
  ResetState: wide(ResetState),
  VmxMode: word(VmxMode),
  InterruptibilityState: word(InterruptibilityState),
  ActivityState: word(ActivityState),
  PendingDebugExceptions: word(PendingDebugExceptions),
};

/** Mnemonics that already mean something else in the core: the stack segment's and the overflow flag's. */
const renamedVectors: Readonly<Record<string, string>> = { SS: 'SS_FAULT', OF: 'OF_VECTOR' };

/** The AssemblyScript file architecture.ts: what src/intrinsics defines, as constants that asc inlines. */
export function emitArchitecture(): string {
  return [
    '// SPDX-License-Identifier: LGPL-2.1-only',
    '// Generated from src/intrinsics by src/machine/generator/emit_architecture.ts.',
    ...Object.entries(architecture).map(([name, group]) => namespace(name, group)),
    '/** Flags of arithmetic, which are kept apart from the others. */',
    constant('STATUS_FLAGS', 'u64', STATUS_FLAGS),
    "/** Exceptions by the manual's mnemonics. */",
    ...Object.entries(vectorMnemonics).map(([mnemonic, vector]) =>
      constant(renamedVectors[mnemonic] ?? mnemonic, 'u32', Vector[vector]),
    ),
    '',
  ].join('\n');
}
