// SPDX-License-Identifier: LGPL-2.1-only
// MOV to and from debug registers with "MOV-DR exiting". The exit comes before the checks of CR4.DE, of privilege and of general detection. SDM 3C
// "Instructions That Cause VM Exits Conditionally", SDM 2B "MOV—Move to/from Debug Registers".
import { unsignedBits } from '../support/unsigned_bits.js';
import { dr6After, dr7After } from '../../intrinsics/contents/control_register_contents.js';
import type { ControlRegisters, DebugAddressRegister } from '../../intrinsics/instructions/control_registers.js';
import { ProcessorFault } from '../../intrinsics/errors.js';
import { DebugRegisterAccess, Vector } from '../../intrinsics/vmx/exit_information.js';
import { Cr4, Dr6, Dr7 } from '../../intrinsics/registers/registers.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { recordDebug } from '../emulation/exceptions.js';
import { isIn64BitMode, registerValue, writeRegister } from '../emulation/guest_registers.js';
import type { Exit } from '../exit/exit.js';
import type { Vmcs } from '../vmcs/vmcs.js';

/** With CR4.DE = 0, DR4 and DR5 are names of DR6 and DR7. */
const aliases: Readonly<Record<number, number>> = { 4: 6, 5: 7 };
const [statusRegister, controlRegister] = [6, 7];

/** Executes the instruction. @throws ProcessorFault the guest's. */
export function emulateDebugRegisterAccess(exit: Exit, controlRegisters: ControlRegisters): void {
  const { vmcs, qualificationLow } = exit;
  const named = qualificationLow & DebugRegisterAccess.DebugRegisterNumber;
  const operand = (qualificationLow & DebugRegisterAccess.GeneralPurposeRegister) >>> 8;
  checkAccess(exit, named);
  if ((vmcs.readLow(VmcsField.GuestDr7) & Dr7.GeneralDetect) !== 0) {
    recordDebug(vmcs, controlRegisters, Dr6.BD);
    exit.inject(Vector.DebugException);
    return;
  }
  const register = aliases[named] ?? named;
  const is64Bit = isIn64BitMode(vmcs);
  if ((qualificationLow & DebugRegisterAccess.DirectionOfAccess) === 0) {
    const value = registerValue(exit, operand);
    write(vmcs, controlRegisters, register, is64Bit ? value : unsignedBits(32, value));
  } else {
    const value = read(vmcs, controlRegisters, register);
    writeRegister(exit, operand, is64Bit ? 8 : 4, lowOf(value), lowOf(value >> 32n));
  }
  exit.advance();
}

function checkAccess(exit: Exit, named: number): void {
  if (named in aliases && (exit.vmcs.readLow(VmcsField.GuestCr4) & Cr4.DebuggingExtensions) !== 0) {
    throw new ProcessorFault(Vector.InvalidOpcode, undefined, `MOV DR${named} with CR4.DE = 1`);
  }
  if (exit.privilegeLevel() !== 0) {
    throw new ProcessorFault(Vector.GeneralProtection, 0, `MOV DR${named} outside CPL 0`);
  }
}

/** VM exits save and change DR7, and leave the others as they are. */
function read(vmcs: Vmcs, controlRegisters: ControlRegisters, register: number): bigint {
  if (register === controlRegister) return vmcs.read(VmcsField.GuestDr7);
  if (register === statusRegister) return controlRegisters.readDr6();
  return controlRegisters.readDebugAddress(register as DebugAddressRegister);
}

function write(vmcs: Vmcs, controlRegisters: ControlRegisters, register: number, value: bigint): void {
  if (register < statusRegister) {
    controlRegisters.writeDebugAddress(register as DebugAddressRegister, value);
    return;
  }
  if (value >> 32n !== 0n) throw new ProcessorFault(Vector.GeneralProtection, 0, `MOV DR${register} of bits 63:32`);
  if (register === controlRegister) vmcs.writeHalves(VmcsField.GuestDr7, dr7After(lowOf(value)), 0);
  else controlRegisters.writeDr6(BigInt(dr6After(lowOf(value)) >>> 0));
}

const lowOf = (value: bigint): number => Number(value & 0xffffffffn) | 0;
