// SPDX-License-Identifier: LGPL-2.1-only
import { isInvpcid } from '../../intrinsics/contents/control_register_contents.js';
import type { RegisterFacts } from '../../intrinsics/contents/register_facts.js';
import { ProcessorFault } from '../../intrinsics/errors.js';
import { InstructionInformation, Vector } from '../../intrinsics/vmx/exit_information.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { isIn64BitMode, registerValue } from '../emulation/guest_registers.js';
import type { LinearMemory } from '../emulation/linear_memory.js';
import { describedOperand, linearAddress, makerOf } from '../emulation/memory_operand.js';
import type { Exit } from '../exit/exit.js';

const descriptorBytes = 16;
const register2Shift = 28;

/**
 * Checks the operands of an INVPCID that exits, as the processor would.
 *
 * @throws ProcessorFault the guest's.
 */
export function checkInvpcid(exit: Exit, memory: LinearMemory, facts: RegisterFacts): void {
  const { vmcs } = exit;
  const type = registerValue(exit, (exit.instructionInformation & InstructionInformation.Register2) >>> register2Shift);
  const access = { bytes: descriptorBytes, isWrite: false, alignment: 1 } as const;
  const linear = linearAddress(exit, { ...describedOperand(exit), ...access });
  const [low, high, , linearHigh] = [0n, 4n, 8n, 12n].map((at) => memory.read(linear + at, 4, makerOf(exit)) | 0);
  const typeLow = Number(type & 0xffffffffn) | 0;
  const typeHigh = isIn64BitMode(vmcs) ? Number(type >> 32n) | 0 : 0;
  const cr4 = vmcs.readLow(VmcsField.GuestCr4);
  if (!isInvpcid(typeLow, typeHigh, low!, high!, linearHigh!, cr4, facts.linearAddressWidth))
    throw new ProcessorFault(Vector.GeneralProtection, 0, 'INVPCID with operands that it does not take');
}
