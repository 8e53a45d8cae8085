// SPDX-License-Identifier: LGPL-2.1-only
// I/O breakpoints of a guest whose port access the VMM carries out: the processor, which does not execute the access, finds none. SDM 3B "Debug
// Registers", "Data Memory and I/O Breakpoint Exception Conditions".
import { DR7_ENABLES } from '../../intrinsics/contents/control_register_contents.js';
import { debugAddressRegisters, type ControlRegisters } from '../../intrinsics/instructions/control_registers.js';
import { Cr4, Dr7, PendingDebugExceptions } from '../../intrinsics/registers/registers.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { Vmcs } from '../vmcs/vmcs.js';

const enabled = Dr7.L0 | Dr7.G0;
/** R/W0 of an I/O breakpoint, and LEN0 of each length in bytes. */
const [ioAccess, lengths] = [2, [1, 2, 8, 4]] as const;

/** Makes the breakpoints that an access to ports met trap after the instruction. */
export function pendIoBreakpoints(vmcs: Vmcs, controlRegisters: ControlRegisters, port: number, size: number): void {
  const dr7 = vmcs.readLow(VmcsField.GuestDr7);
  if ((dr7 & DR7_ENABLES) === 0 || (vmcs.readLow(VmcsField.GuestCr4) & Cr4.DebuggingExtensions) === 0) return;
  let met = 0;
  for (const register of debugAddressRegisters) {
    if (isIoBreakpoint(dr7, register) && includes(dr7, controlRegisters, register, port, size)) met |= 1 << register;
  }
  if (met === 0) return;
  const pending = vmcs.readLow(VmcsField.GuestPendingDebugExceptions);
  const next = pending | met | PendingDebugExceptions.EnabledBreakpoint;
  vmcs.writeHalves(VmcsField.GuestPendingDebugExceptions, next, 0);
}

function isIoBreakpoint(dr7: number, register: number): boolean {
  return ((dr7 >>> (2 * register)) & enabled) !== 0 && ((dr7 >>> (16 + 4 * register)) & 3) === ioAccess;
}

function includes(
  dr7: number,
  controlRegisters: ControlRegisters,
  register: (typeof debugAddressRegisters)[number],
  port: number,
  size: number,
): boolean {
  const length = BigInt(lengths[(dr7 >>> (18 + 4 * register)) & 3]!);
  const first = controlRegisters.readDebugAddress(register) & ~(length - 1n);
  return BigInt(port) < first + length && first < BigInt(port + size);
}
