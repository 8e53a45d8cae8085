// SPDX-License-Identifier: LGPL-2.1-only
// RDRAND and RDSEED with the controls that make them exit. SDM 2B "RDRAND—Read Random Number", "RDSEED—Read Random SEED".
import { InstructionInformation } from '../../intrinsics/vmx/exit_information.js';
import { Rflags, STATUS_FLAGS } from '../../intrinsics/registers/registers.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { writeRegister } from '../emulation/guest_registers.js';
import type { Exit } from '../exit/exit.js';

const sizes = [2, 4, 8] as const;

/** Gives the guest a number of the processor's. CF says whether there was one; without one the destination is 0. */
export function emulateRandomNumber(exit: Exit, result: Uint32Array, draw: (result: Uint32Array) => boolean): void {
  const { vmcs, instructionInformation } = exit;
  const bytes = sizes[(instructionInformation & InstructionInformation.OperandWidth) >>> 11]!;
  const destination = (instructionInformation & InstructionInformation.Register1) >>> 3;
  const isDrawn = draw(result);
  writeRegister(exit, destination, bytes, isDrawn ? result[0]! : 0, isDrawn ? result[1]! : 0);
  const flags = vmcs.readLow(VmcsField.GuestRflags) & ~STATUS_FLAGS;
  vmcs.writeHalves(VmcsField.GuestRflags, flags | (isDrawn ? Rflags.CarryFlag : 0), 0);
  exit.advance();
}
