// SPDX-License-Identifier: LGPL-2.1-only
import { IoAccess } from '../../intrinsics/vmx/exit_information.js';
import type { ControlRegisters } from '../../intrinsics/instructions/control_registers.js';
import type { PortIo } from '../../intrinsics/instructions/port_io.js';
import { isHandled, valueRead } from '../container/answers.js';
import type { AskedContributions } from '../contributions/asked_contributions.js';
import type { PortContribution } from '../contributions/port_contribution.js';
import { pendIoBreakpoints } from '../emulation/io_breakpoints.js';
import type { LinearMemory } from '../emulation/linear_memory.js';
import { StringOperand } from '../emulation/string_io.js';
import type { Exit } from '../exit/exit.js';

function read(portIo: PortIo, port: number, size: number): number {
  return size === 1 ? portIo.inb(port) : size === 2 ? portIo.inw(port) : portIo.ind(port);
}

function write(portIo: PortIo, port: number, size: number, value: number): void {
  if (size === 1) portIo.outb(port, value);
  else if (size === 2) portIo.outw(port, value);
  else portIo.outd(port, value);
}

function input({ exit, portIo, contributions }: IoContext, port: number, size: number): number {
  for (let index = 0; index < contributions.length; index++) {
    const contribution = contributions.at(index);
    if (contribution.handlePortRead === undefined || !contribution.ports.includes(port)) continue;
    contributions.ask(index);
    const value = valueRead(contribution.handlePortRead(port, size, exit), 'number', contribution, 'handlePortRead');
    if (value !== undefined || exit.hasInjected) return value ?? 0;
    contributions.pass();
  }
  return read(portIo, port, size);
}

function output({ exit, portIo, contributions }: IoContext, port: number, size: number, value: number): void {
  for (let index = 0; index < contributions.length; index++) {
    const contribution = contributions.at(index);
    if (contribution.handlePortWrite === undefined || !contribution.ports.includes(port)) continue;
    contributions.ask(index);
    if (
      isHandled(contribution.handlePortWrite(port, size, value, exit), contribution, 'handlePortWrite') ||
      exit.hasInjected
    )
      return;
    contributions.pass();
  }
  write(portIo, port, size, value);
}

/** Writes an IN's value to AL, AX or EAX. Only a write of EAX clears the upper half of RAX. */
function storeResult(halves: Uint32Array, size: number, value: number): void {
  const mask = size === 4 ? 0xffffffff : (1 << (size * 8)) - 1;
  halves[0] = ((halves[0]! & ~mask) | (value & mask)) >>> 0;
  if (size === 4) halves[1] = 0;
}

/** What the emulation of I/O instructions needs besides the exit. */
export interface IoContext {
  readonly exit: Exit;
  readonly portIo: PortIo;
  readonly controlRegisters: ControlRegisters;
  readonly contributions: AskedContributions<PortContribution>;
  /** The guest's memory: for INS and OUTS. */
  readonly memory: LinearMemory;
}

/**
 * IN, OUT, INS and OUTS that exit: contributions, else the port itself. One element of a repeated instruction is one exit. SDM 3C "Exit Qualification for
 * I/O Instructions".
 *
 * @throws ProcessorFault the guest's, for an element in memory that it may not access.
 */
export function emulateIo(context: IoContext): void {
  const { exit } = context;
  const qualification = exit.qualificationLow;
  const port = qualification >>> 16;
  const size = (qualification & IoAccess.SizeOfAccess) + 1;
  const isInput = (qualification & IoAccess.DirectionOfAccess) !== 0;
  if ((qualification & IoAccess.StringInstruction) !== 0) stringIo(context, port, size, isInput);
  else registerIo(context, port, size, isInput);
  if (!exit.hasInjected) pendIoBreakpoints(exit.vmcs, context.controlRegisters, port, size);
}

function registerIo(context: IoContext, port: number, size: number, isInput: boolean): void {
  const { exit } = context;
  const { halves } = exit.registers;
  if (isInput) {
    const value = input(context, port, size);
    if (!exit.hasInjected) storeResult(halves, size, value);
  } else {
    const mask = size === 4 ? 0xffffffff : (1 << (size * 8)) - 1;
    output(context, port, size, (halves[0]! & mask) >>> 0);
  }
  if (!exit.hasInjected) exit.advance();
}

function stringIo(context: IoContext, port: number, size: number, isInput: boolean): void {
  const operand = new StringOperand(context.exit, size);
  if (isInput) inputString(context, operand, port);
  else outputString(context, operand, port);
  if (!context.exit.hasInjected) operand.complete();
}

/** Memory is probed first: a fault must not take a byte from the port. */
function inputString(context: IoContext, operand: StringOperand, port: number): void {
  const { memory, exit } = context;
  const linear = operand.linear();
  memory.probe(linear, operand.bytes, operand.maker);
  const value = input(context, port, operand.bytes);
  if (!exit.hasInjected) memory.write(linear, operand.bytes, value, operand.maker);
}

function outputString(context: IoContext, operand: StringOperand, port: number): void {
  const value = context.memory.read(operand.linear(), operand.bytes, operand.maker);
  output(context, port, operand.bytes, value);
}
