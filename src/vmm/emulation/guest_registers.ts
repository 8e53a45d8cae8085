// SPDX-License-Identifier: LGPL-2.1-only
// General-purpose registers of a guest by number, for instructions that the VMM executes in its stead. RSP is in the VMCS, the others are not.
import { registerNumbers } from '../../intrinsics/vmx/exit_information.js';
import { AccessRights, Efer } from '../../intrinsics/registers/registers.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { Exit } from '../exit/exit.js';
import type { Vmcs } from '../vmcs/vmcs.js';

const stackPointer = registerNumbers.rsp;

/** Whether the guest is in IA-32e mode. */
export const isInIa32eMode = (vmcs: Vmcs): boolean => (vmcs.readLow(VmcsField.GuestIa32Efer) & Efer.Lma) !== 0;

/** Whether the guest is in 64-bit mode, the submode of IA-32e mode. */
export const isIn64BitMode = (vmcs: Vmcs): boolean =>
  isInIa32eMode(vmcs) && (vmcs.readLow(VmcsField.GuestCsAccessRights) & AccessRights.L) !== 0;

/** All 64 bits of a register as two halves, low first. */
export function readRegister({ vmcs, registers }: Exit, number: number, result: Uint32Array): void {
  const isStackPointer = number === stackPointer;
  result[0] = isStackPointer ? vmcs.readLow(VmcsField.GuestRsp) : registers.halves[2 * number]!;
  result[1] = isStackPointer ? vmcs.readHigh(VmcsField.GuestRsp) : registers.halves[2 * number + 1]!;
}

/** All 64 bits of a register. */
export const registerValue = ({ vmcs, registers }: Exit, number: number): bigint =>
  number === stackPointer ? vmcs.read(VmcsField.GuestRsp) : registers.values[number]!;

/** Writes a register as an instruction with that operand size does: 16 bits leave the others, 32 bits clear the upper half. */
export function writeRegister(
  { vmcs, registers }: Exit,
  number: number,
  bytes: 2 | 4 | 8,
  low: number,
  high: number,
): void {
  const isStackPointer = number === stackPointer;
  let [newLow, newHigh] = [low, bytes === 8 ? high : 0];
  if (bytes === 2) {
    const oldLow = isStackPointer ? vmcs.readLow(VmcsField.GuestRsp) : registers.halves[2 * number]!;
    newLow = (oldLow & 0xffff0000) | (low & 0xffff);
    newHigh = isStackPointer ? vmcs.readHigh(VmcsField.GuestRsp) : registers.halves[2 * number + 1]!;
  }
  if (isStackPointer) vmcs.writeHalves(VmcsField.GuestRsp, newLow | 0, newHigh | 0);
  else {
    registers.halves[2 * number] = newLow;
    registers.halves[2 * number + 1] = newHigh;
  }
}
