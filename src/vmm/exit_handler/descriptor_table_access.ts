// SPDX-License-Identifier: LGPL-2.1-only
// Instructions of descriptor tables with "descriptor-table exiting". The exit comes after the checks of mode, CPL and CR4.UMIP. SDM 3C "Information
// for VM Exits Due to Instruction Execution"; SDM 2A "LGDT/LIDT—Load Global/Interrupt Descriptor Table Register".
import { ProcessorFault } from '../../intrinsics/errors.js';
import {
  DescriptorTableInstruction,
  InstructionInformation,
  SystemSegmentInstruction,
  Vector,
} from '../../intrinsics/vmx/exit_information.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { isIn64BitMode, registerValue, writeRegister } from '../emulation/guest_registers.js';
import { readSegment } from '../emulation/guest_segments.js';
import { readInstructionForm } from '../emulation/instruction_prefixes.js';
import { isCanonical, type LinearMemory } from '../emulation/linear_memory.js';
import { describedOperand, linearAddress, makerOf } from '../emulation/memory_operand.js';
import { SystemSegments } from '../emulation/system_segments.js';
import type { Exit } from '../exit/exit.js';

/** The VMCS fields of a table register. */
interface TableFields {
  readonly base: number;
  readonly limit: number;
}

const gdtr: TableFields = { base: VmcsField.GuestGdtrBase, limit: VmcsField.GuestGdtrLimit };
const idtr: TableFields = { base: VmcsField.GuestIdtrBase, limit: VmcsField.GuestIdtrLimit };
/** A table register in memory: a limit of 2 bytes, then a base of 4, or of 8 in 64-bit mode. As far as alignment is checked, it is aligned to 4. */
const [limitBytes, tableAlignment] = [2, 4];
/** With an operand size of 16 bits, loads take 24 bits of the base. */
const baseOf16BitOperand = 0xffffff;
const selectorBytes = 2;
const registerForm = (exit: Exit): boolean => (exit.instructionInformation & InstructionInformation.RegisterForm) !== 0;
const firstRegister = (exit: Exit): number => (exit.instructionInformation & InstructionInformation.Register1) >>> 3;
const identityOf = (exit: Exit): number =>
  (exit.instructionInformation & InstructionInformation.InstructionIdentity) >>> 28;

/** SGDT, SIDT, LGDT, LIDT. @throws ProcessorFault the guest's. */
export function emulateDescriptorTableAccess(exit: Exit, memory: LinearMemory): void {
  const identity = identityOf(exit);
  const isLoad = identity === DescriptorTableInstruction.Lgdt || identity === DescriptorTableInstruction.Lidt;
  const isGdtr = identity === DescriptorTableInstruction.Sgdt || identity === DescriptorTableInstruction.Lgdt;
  if (isLoad) loadTable(exit, memory, isGdtr ? gdtr : idtr);
  else storeTable(exit, memory, isGdtr ? gdtr : idtr);
  exit.advance();
}

function tableOperand(exit: Exit, isWrite: boolean): { linear: bigint; bytes: number } {
  const bytes = limitBytes + (isIn64BitMode(exit.vmcs) ? 8 : 4);
  const linear = linearAddress(exit, { ...describedOperand(exit), bytes, isWrite, alignment: tableAlignment });
  return { linear, bytes };
}

function storeTable(exit: Exit, memory: LinearMemory, { base, limit }: TableFields): void {
  const { vmcs } = exit;
  const { linear, bytes } = tableOperand(exit, true);
  const maker = makerOf(exit);
  memory.probe(linear, bytes, maker);
  memory.write(linear, limitBytes, vmcs.readLow(limit), maker);
  memory.write(linear + BigInt(limitBytes), 4, vmcs.readLow(base), maker);
  if (isIn64BitMode(vmcs)) memory.write(linear + BigInt(limitBytes + 4), 4, vmcs.readHigh(base), maker);
}

function loadTable(exit: Exit, memory: LinearMemory, fields: TableFields): void {
  const { vmcs } = exit;
  const { linear } = tableOperand(exit, false);
  const maker = makerOf(exit);
  const limit = memory.read(linear, limitBytes, maker);
  const low = memory.read(linear + BigInt(limitBytes), 4, maker);
  if (isIn64BitMode(vmcs)) {
    const high = memory.read(linear + BigInt(limitBytes + 4), 4, maker);
    const base = (BigInt(high) << 32n) | BigInt(low);
    if (!isCanonical(base))
      throw new ProcessorFault(Vector.GeneralProtection, 0, 'LGDT or LIDT: the base is not canonical');
    vmcs.write(fields.base, base);
  } else {
    const has16Bits = (exit.instructionInformation & InstructionInformation.OperandSize) === 0;
    vmcs.writeHalves(fields.base, has16Bits ? low & baseOf16BitOperand : low, 0);
  }
  vmcs.writeHalves(fields.limit, limit, 0);
}

/** SLDT, STR, LLDT, LTR. @throws ProcessorFault the guest's. */
export function emulateSystemSegmentAccess(exit: Exit, memory: LinearMemory): void {
  const identity = identityOf(exit);
  if (identity === SystemSegmentInstruction.Sldt) storeSelector(exit, memory, readSegment(exit.vmcs, 'ldtr').selector);
  else if (identity === SystemSegmentInstruction.Str)
    storeSelector(exit, memory, readSegment(exit.vmcs, 'tr').selector);
  else {
    const selector = selectorOperand(exit, memory);
    const segments = new SystemSegments(exit.vmcs, memory);
    if (identity === SystemSegmentInstruction.Lldt) segments.loadLdtr(selector);
    else segments.loadTr(selector);
  }
  exit.advance();
}

function selectorAddress(exit: Exit, isWrite: boolean): bigint {
  return linearAddress(exit, { ...describedOperand(exit), bytes: selectorBytes, isWrite, alignment: selectorBytes });
}

function selectorOperand(exit: Exit, memory: LinearMemory): number {
  if (registerForm(exit)) return Number(registerValue(exit, firstRegister(exit)) & 0xffffn);
  return memory.read(selectorAddress(exit, false), selectorBytes, makerOf(exit));
}

/** The exit does not tell the operand size, by which a register takes the selector. Memory always takes 16 bits. */
function storeSelector(exit: Exit, memory: LinearMemory, selector: number): void {
  if (registerForm(exit)) {
    writeRegister(exit, firstRegister(exit), readInstructionForm(exit, memory).operandBytes, selector, 0);
    return;
  }
  memory.write(selectorAddress(exit, true), selectorBytes, selector, makerOf(exit));
}
