// SPDX-License-Identifier: LGPL-2.1-only
import { snakeCase } from '../../intrinsics/bit_fields.js';
import { controlMasks, type ControlWord } from '../../intrinsics/vmx/control_bits.js';
import { vmcsFieldDefinition, vmcsFieldLabel } from '../../intrinsics/vmcs/vmcs_field_details.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { Vmx } from '../../intrinsics/instructions/vmx.js';
import { VmcsError } from '../errors.js';
import { hex } from '../support/text.js';
import { vmFailure } from '../support/vm_failure.js';
import type { ControlCapabilities } from './control_capabilities.js';

/** An access to a field. */
interface Access {
  /** The vCPU and the instruction. */
  readonly what: string;
  readonly field: number;
  /** What was written. */
  readonly value: bigint | undefined;
}

/** `primary.hlt_exiting`. */
export function controlName(word: ControlWord, mask: number): string {
  const names = Object.entries(controlMasks[word])
    .filter(([, bit]) => (bit & mask) !== 0)
    .map(([name]) => snakeCase(name));
  return names.length === 0 ? `${word} ${hex(mask >>> 0)}` : names.map((name) => `${word}.${name}`).join(', ');
}

/** The processor does not allow a control's new value. */
export function notAllowed(
  capabilities: ControlCapabilities,
  word: ControlWord,
  mask: number,
  wanted: 0 | 1,
): VmcsError {
  const change = wanted === 1 ? 'set to 1' : 'cleared to 0';
  const bits = (wanted === 1 ? capabilities.allowed1(word) : capabilities.allowed0(word)) >>> 0;
  return new VmcsError(
    `${controlName(word, mask)}: control is not allowed to be ${change} (MSR ${hex(capabilities.msr(word))}, allowed-${wanted} ${hex(bits)})`,
  );
}

/** Why an access to a field failed. */
export function accessFailure(vmx: Vmx, exists: (field: number) => boolean, { what, field, value }: Access): Error {
  const label = vmcsFieldLabel(field);
  const access = `${what} ${label}${value === undefined ? '' : ` = ${hex(value)}`}`;
  if (field !== VmcsField.VmInstructionError && !isThere(field, exists))
    return new VmcsError(`${access}: ${label} field doesn't exist on this processor`);
  return vmFailure(vmx, access);
}

/** Fields that every processor has need no check of its capabilities. */
function isThere(field: number, exists: (field: number) => boolean): boolean {
  const definition = vmcsFieldDefinition(field & ~1);
  return definition !== undefined && (definition.existsIf.length === 0 || exists(field));
}
