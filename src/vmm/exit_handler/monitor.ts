// SPDX-License-Identifier: LGPL-2.1-only
// MONITOR and MWAIT that exit. The exit comes after the checks of their presence and of CPL. A wait may end at any time, so the VMM's ends at once.
// SDM 2B "MONITOR—Set Up Monitor Address", "MWAIT—Monitor Wait".
import { unsignedBits } from '../support/unsigned_bits.js';
import { ProcessorFault } from '../../intrinsics/errors.js';
import { registerNumbers, Vector } from '../../intrinsics/vmx/exit_information.js';
import { isIn64BitMode, registerValue } from '../emulation/guest_registers.js';
import { readInstructionForm } from '../emulation/instruction_prefixes.js';
import type { LinearMemory } from '../emulation/linear_memory.js';
import { linearAddress, makerOf } from '../emulation/memory_operand.js';
import type { Exit } from '../exit/exit.js';

/** Extension of MWAIT: interrupts end the wait although they are masked. */
const maskedInterruptsBreak = 1n;

/** ECX has the extensions; RCX in 64-bit mode. */
function extensions(exit: Exit): bigint {
  const value = registerValue(exit, registerNumbers.rcx);
  return isIn64BitMode(exit.vmcs) ? value : unsignedBits(32, value);
}

/** MONITOR faults as a load of the byte at DS:rAX does, and loads nothing. @throws ProcessorFault the guest's. */
export function emulateMonitor(exit: Exit, memory: LinearMemory): void {
  if (extensions(exit) !== 0n) throw new ProcessorFault(Vector.GeneralProtection, 0, 'MONITOR: no such extension');
  const { addressBits, segment = 'ds' } = readInstructionForm(exit, memory);
  const offset = unsignedBits(addressBits, registerValue(exit, registerNumbers.rax));
  memory.read(linearAddress(exit, { segment, offset, bytes: 1, isWrite: false, alignment: 1 }), 1, makerOf(exit));
  exit.advance();
}

/** @throws ProcessorFault the guest's. */
export function emulateMwait(exit: Exit): void {
  if ((extensions(exit) & ~maskedInterruptsBreak) !== 0n) {
    throw new ProcessorFault(Vector.GeneralProtection, 0, 'MWAIT: no such extension');
  }
  exit.advance();
}
