// SPDX-License-Identifier: LGPL-2.1-only
// Reading the VM-entry interruption-information field. SDM 3C "VM-Entry Controls for Event Injection".
import { InterruptionBit, InterruptionType, Vector } from '../vmx/exit_information.js';
import { VmcsField } from '../vmcs/vmcs_fields.js';
import type { EntryReader } from './entry_rule.js';

/** The interruption type of the event that the entry injects, −1 if it injects none. */
export function injectedType(reader: EntryReader): number {
  const information = reader.low(VmcsField.VmEntryInterruptionInformationField);
  return (information & InterruptionBit.Valid) === 0 ? -1 : (information & InterruptionBit.Type) >>> 8;
}

/** The vector of the event that the entry injects. */
export function injectedVector(reader: EntryReader): number {
  return reader.low(VmcsField.VmEntryInterruptionInformationField) & InterruptionBit.Vector;
}

/** The entry injects an event of this type. */
export function injects(reader: EntryReader, type: number): boolean {
  return injectedType(reader) === type;
}

/** The event delivers an error code. */
export function deliversErrorCode(reader: EntryReader): boolean {
  return (reader.low(VmcsField.VmEntryInterruptionInformationField) & InterruptionBit.ErrorCode) !== 0;
}

/** A software interrupt, privileged software exception or software exception: the instruction length counts. */
export function isSoftwareEvent(type: number): boolean {
  return (
    type === InterruptionType.SoftwareInterrupt ||
    type === InterruptionType.PrivilegedSoftwareException ||
    type === InterruptionType.SoftwareException
  );
}

const withErrorCode: ReadonlySet<number> = new Set<number>([
  Vector.DoubleFault,
  Vector.InvalidTss,
  Vector.SegmentNotPresent,
  Vector.StackSegmentFault,
  Vector.GeneralProtection,
  Vector.PageFault,
  Vector.AlignmentCheck,
]);

/** The exception pushes an error code in protected mode. #CP does only where the processor has CET. */
export function vectorHasErrorCode(vector: number, hasCet: boolean): boolean {
  return withErrorCode.has(vector) || (hasCet && vector === Vector.ControlProtection);
}
