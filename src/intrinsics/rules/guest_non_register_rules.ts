// SPDX-License-Identifier: LGPL-2.1-only
import { EntryControl, PinBasedControl, SecondaryControl } from '../vmx/control_bits.js';
import { InterruptionType, Vector } from '../vmx/exit_information.js';
import { Msr, VmxMisc } from '../registers/msr_definitions.js';
import {
  AccessRights,
  ActivityState,
  Debugctl,
  InterruptibilityState,
  PendingDebugExceptions,
  Rflags,
} from '../registers/registers.js';
import { VmcsField as F } from '../vmcs/vmcs_fields.js';
import { section, type EntryReader, type EntryRule } from './entry_rule.js';
import { injectedType, injectedVector, injects } from './event_injection.js';
import {
  addressOf,
  entryControls,
  isInPhysicalRange,
  isPhysicalAddress,
  pinControls,
  SECONDARY,
  secondaryControls,
} from './predicates.js';

const rule = section('guest', 'Checks on Guest Non-Register State');

const ACTIVITY = F.GuestActivityState;
const BLOCKING = F.GuestInterruptibilityState;
const INJECTION = F.VmEntryInterruptionInformationField;
const STI_OR_MOV_SS = InterruptibilityState.BlockingBySti | InterruptibilityState.BlockingByMovSs;

/** Exit qualification of an NMI that blocking by STI forbids (other kinds of blocking have none), and of a bad link pointer. SDM 3C "VM-Entry Failures During or After Loading Guest State". */
const QUALIFICATION_NMI_AND_STI = 3;
const QUALIFICATION_LINK_POINTER = 4;

function isIn(reader: EntryReader, state: number): boolean {
  return reader.low(ACTIVITY) === state;
}

function isActivityStateSupported(reader: EntryReader): boolean {
  const misc = reader.capabilityLow(Msr.Ia32VmxMisc);
  switch (reader.low(ACTIVITY)) {
    case ActivityState.Active:
      return true;
    case ActivityState.Hlt:
      return (misc & VmxMisc.ActivityStateHltSupport) !== 0;
    case ActivityState.Shutdown:
      return (misc & VmxMisc.ActivityStateShutdownSupport) !== 0;
    case ActivityState.WaitForSipi:
      return (misc & VmxMisc.ActivityStateWaitForSipiSupport) !== 0;
    default:
      return false;
  }
}

// Events that may be injected into HLT are those that would wake it.
function isInjectableInHlt(type: number, vector: number): boolean {
  switch (type) {
    case InterruptionType.ExternalInterrupt:
    case InterruptionType.NonMaskableInterrupt:
      return true;
    case InterruptionType.HardwareException:
      return vector === Vector.DebugException || vector === Vector.MachineCheck;
    case InterruptionType.OtherEvent:
      return vector === 0;
    default:
      return false;
  }
}

function isInjectableInShutdown(type: number, vector: number): boolean {
  if (type === InterruptionType.NonMaskableInterrupt) return true;
  return type === InterruptionType.HardwareException && vector === Vector.MachineCheck;
}

const activity: readonly EntryRule[] = [
  rule('guestValidActivityState', {
    wants:
      'a guest activity state of 0 (active), or 1 (HLT), 2 (shutdown), 3 (wait-for-SIPI) where IA32_VMX_MISC[8:6] says it is supported',
    fields: [ACTIVITY],
    msrs: [Msr.Ia32VmxMisc],
    holds: isActivityStateSupported,
  }),
  rule('guestActivityStateNotHltWhenDplNot0', {
    wants: 'guest SS DPL 0 while the activity state is HLT',
    fields: [ACTIVITY, F.GuestSsAccessRights],
    holds: (reader) => !isIn(reader, ActivityState.Hlt) || (reader.low(F.GuestSsAccessRights) & AccessRights.Dpl) === 0,
  }),
  rule('guestMustBeActiveIfInjectingBlockingState', {
    wants: 'the active state while blocking by STI or by MOV SS is 1',
    fields: [ACTIVITY, BLOCKING],
    holds: (reader) => (reader.low(BLOCKING) & STI_OR_MOV_SS) === 0 || isIn(reader, ActivityState.Active),
  }),
  rule('guestHltValidInterrupts', {
    wants: 'an injection into HLT of an external interrupt, NMI, #DB, #MC or pending MTF VM exit only',
    fields: [ACTIVITY, INJECTION],
    holds: (reader) => {
      const type = injectedType(reader);
      return type < 0 || !isIn(reader, ActivityState.Hlt) || isInjectableInHlt(type, injectedVector(reader));
    },
  }),
  rule('guestShutdownValidInterrupts', {
    wants: 'an injection into shutdown of an NMI or #MC only',
    fields: [ACTIVITY, INJECTION],
    holds: (reader) => {
      const type = injectedType(reader);
      return type < 0 || !isIn(reader, ActivityState.Shutdown) || isInjectableInShutdown(type, injectedVector(reader));
    },
  }),
  rule('guestSipiValidInterrupts', {
    wants: 'no injection into wait-for-SIPI',
    fields: [ACTIVITY, INJECTION],
    holds: (reader) => injectedType(reader) < 0 || !isIn(reader, ActivityState.WaitForSipi),
  }),
  rule('guestValidActivityStateAndSmm', {
    wants: 'no wait-for-SIPI while "entry to SMM" is 1',
    fields: [ACTIVITY, F.VmEntryControls],
    holds: (reader) =>
      (entryControls(reader) & EntryControl.EntryToSmm) === 0 || !isIn(reader, ActivityState.WaitForSipi),
  }),
];

/** A rule of the interruptibility state: some bits are 0 while an event of a type is injected. */
function unblocked(
  name: string,
  what: string,
  type: number,
  mask: number,
  which: string,
  qualification = 0,
): EntryRule {
  return rule(name, {
    wants: `${which} 0 while ${what} is injected`,
    fields: [BLOCKING, INJECTION],
    qualification,
    holds: (reader) => (reader.low(BLOCKING) & mask) === 0 || !injects(reader, type),
  });
}

const interruptibility: readonly EntryRule[] = [
  rule('guestInterruptibilityStateReserved', {
    wants: 'bits 31:5 of the guest interruptibility state 0',
    fields: [BLOCKING],
    holds: (reader) => (reader.low(BLOCKING) & ~0x1f) === 0,
  }),
  rule('guestInterruptibilityStateStiMovSs', {
    wants: 'blocking by STI and blocking by MOV SS not both 1',
    fields: [BLOCKING],
    holds: (reader) => (reader.low(BLOCKING) & STI_OR_MOV_SS) !== STI_OR_MOV_SS,
  }),
  rule('guestInterruptibilityStateSti', {
    wants: 'blocking by STI 0 while guest RFLAGS.IF is 0',
    fields: [BLOCKING, F.GuestRflags],
    holds: (reader) =>
      (reader.low(BLOCKING) & InterruptibilityState.BlockingBySti) === 0 ||
      (reader.low(F.GuestRflags) & Rflags.InterruptEnableFlag) !== 0,
  }),
  unblocked(
    'guestInterruptibilityStateExternalInterrupt',
    'an external interrupt',
    InterruptionType.ExternalInterrupt,
    STI_OR_MOV_SS,
    'blocking by STI and by MOV SS',
  ),
  unblocked(
    'guestInterruptibilityStateNmi',
    'an NMI',
    InterruptionType.NonMaskableInterrupt,
    InterruptibilityState.BlockingByMovSs,
    'blocking by MOV SS',
  ),
  rule('guestInterruptibilityNotInSmm', {
    wants: 'blocking by SMI 0 while the processor is not in SMM',
    fields: [BLOCKING],
    inputs: ['smm'],
    holds: (reader) => reader.inSmm || (reader.low(BLOCKING) & InterruptibilityState.BlockingBySmi) === 0,
  }),
  rule('guestInterruptibilityEntryToSmm', {
    wants: 'blocking by SMI 1 while "entry to SMM" is 1',
    fields: [BLOCKING, F.VmEntryControls],
    holds: (reader) =>
      (entryControls(reader) & EntryControl.EntryToSmm) === 0 ||
      (reader.low(BLOCKING) & InterruptibilityState.BlockingBySmi) !== 0,
  }),
  unblocked(
    'guestInterruptibilityStateStiAndNmi',
    'an NMI',
    InterruptionType.NonMaskableInterrupt,
    InterruptibilityState.BlockingBySti,
    'blocking by STI (the SDM lets a processor require it; this one does)',
    QUALIFICATION_NMI_AND_STI,
  ),
  rule('guestInterruptibilityStateVirtualNmi', {
    wants: 'blocking by NMI 0 while an NMI is injected with "virtual NMIs"',
    fields: [BLOCKING, INJECTION, F.PinBasedVmExecutionControls],
    holds: (reader) =>
      (reader.low(BLOCKING) & InterruptibilityState.BlockingByNmi) === 0 ||
      !injects(reader, InterruptionType.NonMaskableInterrupt) ||
      (pinControls(reader) & PinBasedControl.VirtualNmis) === 0,
  }),
  rule('guestInterruptibilityStateEnclaveInterrupt', {
    wants: 'enclave interruption only on a processor with SGX and while blocking by MOV SS is 0',
    fields: [BLOCKING],
    inputs: ['features'],
    holds: (reader) => {
      const state = reader.low(BLOCKING);
      if ((state & InterruptibilityState.EnclaveInterruption) === 0) return true;
      return reader.hasFeature('sgx') && (state & InterruptibilityState.BlockingByMovSs) === 0;
    },
  }),
];

// Bits 11:4, 13, 15 and above 16 are reserved; bit 11 is BLD where the processor detects bus locks.
function isPendingDebugReserved0(reader: EntryReader): boolean {
  const low = reader.low(F.GuestPendingDebugExceptions);
  const reserved = reader.hasFeature('busLockDetect') ? 0xfffea7f0 : 0xfffeaff0;
  return (low & reserved) === 0 && reader.high(F.GuestPendingDebugExceptions) === 0;
}

// While a trap is held back, BS is pending exactly if single-stepping is on.
function isSingleStepConsistent(reader: EntryReader): boolean {
  const isStepping =
    (reader.low(F.GuestRflags) & Rflags.TrapFlag) !== 0 && (reader.low(F.GuestIa32Debugctl) & Debugctl.Btf) === 0;
  return ((reader.low(F.GuestPendingDebugExceptions) & PendingDebugExceptions.BS) !== 0) === isStepping;
}

function isRtmConsistent(reader: EntryReader): boolean {
  const low = reader.low(F.GuestPendingDebugExceptions);
  return (
    (low & 0xfffeefff) === 0 &&
    reader.high(F.GuestPendingDebugExceptions) === 0 &&
    (low & PendingDebugExceptions.EnabledBreakpoint) !== 0 &&
    reader.hasFeature('rtm') &&
    (reader.low(BLOCKING) & InterruptibilityState.BlockingByMovSs) === 0
  );
}

const pendingDebug: readonly EntryRule[] = [
  rule('guestPendingDebugExceptionsReserved', {
    wants: 'reserved bits of the guest pending debug exceptions 0',
    fields: [F.GuestPendingDebugExceptions],
    inputs: ['features'],
    holds: isPendingDebugReserved0,
  }),
  rule('guestPendingDebugExceptionsDbgCtl', {
    wants:
      'while blocking by STI or MOV SS is 1 or the activity state is HLT: BS of the pending debug exceptions 1 exactly if RFLAGS.TF is 1 and IA32_DEBUGCTL.BTF is 0',
    fields: [BLOCKING, ACTIVITY, F.GuestPendingDebugExceptions, F.GuestRflags, F.GuestIa32Debugctl],
    holds: (reader) => {
      const isHeld = (reader.low(BLOCKING) & STI_OR_MOV_SS) !== 0 || isIn(reader, ActivityState.Hlt);
      return !isHeld || isSingleStepConsistent(reader);
    },
  }),
  rule('guestPendingDebugExceptionsRtm', {
    wants:
      'with RTM 1 in the pending debug exceptions: bit 12 1, bits 11:0, 15:13 and 63:17 0, a processor with RTM, and blocking by MOV SS 0',
    fields: [F.GuestPendingDebugExceptions, BLOCKING],
    inputs: ['features'],
    holds: (reader) =>
      (reader.low(F.GuestPendingDebugExceptions) & PendingDebugExceptions.Rtm) === 0 || isRtmConsistent(reader),
  }),
];

function hasLink(reader: EntryReader): boolean {
  return reader.low(F.VmcsLinkPointer) >>> 0 !== 0xffffffff || reader.high(F.VmcsLinkPointer) >>> 0 !== 0xffffffff;
}

function isEnteringSmm(reader: EntryReader): boolean {
  return (entryControls(reader) & EntryControl.EntryToSmm) !== 0;
}

// The first word of the linked region: revision identifier in bits 30:0, shadow-VMCS indicator in bit 31.
function isLinkedRevision(reader: EntryReader): boolean {
  const word = reader.readPhysical32(addressOf(reader, F.VmcsLinkPointer));
  const isShadow = word >>> 31 !== 0;
  const wantsShadow = (secondaryControls(reader) & SecondaryControl.VmcsShadowing) !== 0;
  return ((word ^ reader.capabilityLow(Msr.Ia32VmxBasic)) & 0x7fffffff) === 0 && isShadow === wantsShadow;
}

function isLinkAddress(reader: EntryReader): boolean {
  return isPhysicalAddress(reader, F.VmcsLinkPointer, 0xfff);
}

const linkPointer: readonly EntryRule[] = [
  rule('guestVmcsLinkPointerBits110', {
    wants: 'a VMCS link pointer of all ones, or 4-KiB aligned',
    fields: [F.VmcsLinkPointer],
    qualification: QUALIFICATION_LINK_POINTER,
    holds: (reader) => !hasLink(reader) || (reader.low(F.VmcsLinkPointer) & 0xfff) === 0,
  }),
  rule('guestVmcsLinkPointerValidAddr', {
    wants: 'a VMCS link pointer of all ones, or within the physical-address width',
    fields: [F.VmcsLinkPointer],
    inputs: ['physicalAddressWidth'],
    qualification: QUALIFICATION_LINK_POINTER,
    holds: (reader) => !hasLink(reader) || isInPhysicalRange(reader, F.VmcsLinkPointer),
  }),
  rule('guestVmcsLinkPointerFirstWord', {
    wants:
      'a linked region that starts with the VMCS revision identifier and a shadow-VMCS indicator equal to "VMCS shadowing"',
    fields: [F.VmcsLinkPointer, ...SECONDARY],
    msrs: [Msr.Ia32VmxBasic],
    inputs: ['memory', 'physicalAddressWidth'],
    qualification: QUALIFICATION_LINK_POINTER,
    holds: (reader) => !hasLink(reader) || !isLinkAddress(reader) || isLinkedRevision(reader),
  }),
  rule('guestVmcsLinkPointerNotInSmm', {
    wants: 'a VMCS link pointer other than the current VMCS while the processor is not in SMM or "entry to SMM" is 1',
    fields: [F.VmcsLinkPointer, F.VmEntryControls],
    inputs: ['smm', 'currentVmcs', 'physicalAddressWidth'],
    qualification: QUALIFICATION_LINK_POINTER,
    holds: (reader) =>
      !hasLink(reader) ||
      !isLinkAddress(reader) ||
      (reader.inSmm && !isEnteringSmm(reader)) ||
      addressOf(reader, F.VmcsLinkPointer) !== reader.currentVmcs,
  }),
  rule('guestVmcsLinkPointerInSmm', {
    wants:
      'a VMCS link pointer other than the executive-VMCS pointer while the processor is in SMM and "entry to SMM" is 0',
    fields: [F.VmcsLinkPointer, F.VmEntryControls, F.ExecutiveVmcsPointer],
    inputs: ['smm'],
    qualification: QUALIFICATION_LINK_POINTER,
    holds: (reader) =>
      !hasLink(reader) ||
      !reader.inSmm ||
      isEnteringSmm(reader) ||
      reader.low(F.VmcsLinkPointer) !== reader.low(F.ExecutiveVmcsPointer) ||
      reader.high(F.VmcsLinkPointer) !== reader.high(F.ExecutiveVmcsPointer),
  }),
];

/** SDM 3C "Checks on Guest Non-Register State". */
export const guestNonRegisterRules: readonly EntryRule[] = [
  ...activity,
  ...interruptibility,
  ...pendingDebug,
  ...linkPointer,
];
