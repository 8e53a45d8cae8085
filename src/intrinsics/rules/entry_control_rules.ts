// SPDX-License-Identifier: LGPL-2.1-only
import { EntryControl, PrimaryControl } from '../vmx/control_bits.js';
import { InterruptionType, Vector } from '../vmx/exit_information.js';
import { Msr, VmxBasicHigh, VmxMisc } from '../registers/msr_definitions.js';
import { Cr0 } from '../registers/registers.js';
import { VmcsField as F } from '../vmcs/vmcs_fields.js';
import { section, type EntryReader, type EntryRule } from './entry_rule.js';
import {
  deliversErrorCode,
  injectedType,
  injectedVector,
  isSoftwareEvent,
  vectorHasErrorCode,
} from './event_injection.js';
import { entryControls, isMsrArea, isUnrestricted, obeysCapability, SECONDARY } from './predicates.js';

const rule = section('control', 'VM-Entry Control Fields');

const INFORMATION = F.VmEntryInterruptionInformationField;

function isVectorOfType(reader: EntryReader, type: number): boolean {
  const vector = injectedVector(reader);
  switch (type) {
    case InterruptionType.NonMaskableInterrupt:
      return vector === Vector.NmiInterrupt;
    case InterruptionType.HardwareException:
      return vector <= 31;
    case InterruptionType.OtherEvent:
      return (
        vector === 0 && (reader.capabilityHigh(Msr.Ia32VmxTrueProcbasedCtls) & PrimaryControl.MonitorTrapFlag) !== 0
      );
    default:
      return type !== 1;
  }
}

// With IA32_VMX_BASIC[56] a hardware exception may leave its error code out, or bring one that it does not have.
function isErrorCodeConsistent(reader: EntryReader, type: number): boolean {
  const delivers = deliversErrorCode(reader);
  const isProtected = !isUnrestricted(reader) || (reader.low(F.GuestCr0) & Cr0.ProtectionEnable) !== 0;
  if (type !== InterruptionType.HardwareException || !isProtected) return !delivers;
  if ((reader.capabilityHigh(Msr.Ia32VmxBasic) & VmxBasicHigh.InjectHardwareExceptionWithoutErrorCode) !== 0)
    return true;
  return delivers === vectorHasErrorCode(injectedVector(reader), reader.hasFeature('cet'));
}

function isInstructionLengthValid(reader: EntryReader, type: number): boolean {
  if (!isSoftwareEvent(type)) return true;
  const length = reader.low(F.VmEntryInstructionLength) >>> 0;
  if (length === 0) return (reader.capabilityLow(Msr.Ia32VmxMisc) & VmxMisc.InjectionWithInstructionLengthOfZero) !== 0;
  return length <= 15;
}

const eventInjection: readonly EntryRule[] = [
  rule('controlEventInjectionTypeVectorChecks', {
    wants:
      'an injected event whose type is not reserved and fits its vector: NMI 2, hardware exception 0 to 31, other event (only with the monitor trap flag) 0',
    fields: [INFORMATION],
    msrs: [Msr.Ia32VmxTrueProcbasedCtls],
    holds: (reader) => {
      const type = injectedType(reader);
      return type < 0 || isVectorOfType(reader, type);
    },
  }),
  rule('controlEventInjectionDeliveryEcChecks', {
    wants:
      'deliver-error-code 1 for the hardware exceptions that have an error code (8, 10 to 14, 17) outside real-address mode, 0 for all other events',
    fields: [INFORMATION, ...SECONDARY, F.GuestCr0],
    msrs: [Msr.Ia32VmxBasic],
    inputs: ['features'],
    holds: (reader) => {
      const type = injectedType(reader);
      return type < 0 || isErrorCodeConsistent(reader, type);
    },
  }),
  rule('controlEventInjectionReservedBitsChecks', {
    wants: 'bits 30:12 of the interruption information 0 while its valid bit is 1',
    fields: [INFORMATION],
    holds: (reader) => injectedType(reader) < 0 || (reader.low(INFORMATION) & 0x7ffff000) === 0,
  }),
  rule('controlEventInjectionEcChecks', {
    wants: 'bits 31:16 of the VM-entry exception error code 0 while an error code is delivered',
    fields: [INFORMATION, F.VmEntryExceptionErrorCode],
    holds: (reader) =>
      injectedType(reader) < 0 || !deliversErrorCode(reader) || reader.low(F.VmEntryExceptionErrorCode) >>> 16 === 0,
  }),
  rule('controlEventInjectionInstrLengthChecks', {
    wants:
      'a VM-entry instruction length of 1 to 15 (0 too if IA32_VMX_MISC[30] is 1) while a software event is injected',
    fields: [INFORMATION, F.VmEntryInstructionLength],
    msrs: [Msr.Ia32VmxMisc],
    holds: (reader) => isInstructionLengthValid(reader, injectedType(reader)),
  }),
];

const SMM_CONTROLS = EntryControl.EntryToSmm | EntryControl.DeactivateDualMonitorTreatment;

/** SDM 3C "VM-Entry Control Fields" of "Checks on VMX Controls". */
export const entryControlRules: readonly EntryRule[] = [
  rule('controlVmEntryCtlsReservedProperlySet', {
    wants:
      'VM-entry controls that IA32_VMX_TRUE_ENTRY_CTLS allows: its low half must be 1, others only if 1 in its high half',
    fields: [F.VmEntryControls],
    msrs: [Msr.Ia32VmxTrueEntryCtls],
    holds: (reader) => obeysCapability(reader, entryControls(reader), Msr.Ia32VmxTrueEntryCtls),
  }),
  rule('controlEntryMsrLoadAddress', {
    wants:
      'a VM-entry MSR-load area that is 16-byte aligned and ends within the physical-address width, unless its count is 0',
    fields: [F.VmEntryMsrLoadCount, F.VmEntryMsrLoadAddress],
    inputs: ['physicalAddressWidth'],
    holds: (reader) => isMsrArea(reader, F.VmEntryMsrLoadAddress, F.VmEntryMsrLoadCount),
  }),
  ...eventInjection,
  rule('controlEntryToSmmOutsideSmm', {
    wants: '"entry to SMM" and "deactivate dual-monitor treatment" 0 while the processor is not in SMM',
    fields: [F.VmEntryControls],
    inputs: ['smm'],
    holds: (reader) => reader.inSmm || (entryControls(reader) & SMM_CONTROLS) === 0,
  }),
  rule('controlEntryToSmmAndDeactivateDualMonitor', {
    wants: '"entry to SMM" and "deactivate dual-monitor treatment" not both 1',
    fields: [F.VmEntryControls],
    holds: (reader) => (entryControls(reader) & SMM_CONTROLS) !== SMM_CONTROLS,
  }),
  rule('controlLoadIa32RtitCtlWhileTracing', {
    wants: '"load IA32_RTIT_CTL" 0 while Intel PT traces (IA32_RTIT_CTL.TraceEn is 1)',
    fields: [F.VmEntryControls],
    inputs: ['tracing'],
    holds: (reader) => !reader.isTracing || (entryControls(reader) & EntryControl.LoadIa32RtitCtl) === 0,
  }),
];
