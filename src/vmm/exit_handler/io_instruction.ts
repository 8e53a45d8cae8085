// SPDX-License-Identifier: LGPL-2.1-only
import { IoAccess } from '../../intrinsics/exit_information.js';
import type { PortIo } from '../../intrinsics/port_io.js';
import { isHandled, valueRead } from '../container/answers.js';
import type { PortContribution } from '../contributions/port_contribution.js';
import { UnimplementedExitError } from '../errors.js';
import { hex } from '../support/text.js';
import type { Exit } from '../exit/exit.js';

function read(portIo: PortIo, port: number, size: number): number {
  return size === 1 ? portIo.inb(port) : size === 2 ? portIo.inw(port) : portIo.ind(port);
}

function write(portIo: PortIo, port: number, size: number, value: number): void {
  if (size === 1) portIo.outb(port, value);
  else if (size === 2) portIo.outw(port, value);
  else portIo.outd(port, value);
}

function input(
  exit: Exit,
  portIo: PortIo,
  contributions: readonly PortContribution[],
  port: number,
  size: number,
): number {
  for (const contribution of contributions) {
    if (!contribution.ports.includes(port)) continue;
    const value = valueRead(contribution.handlePortRead?.(port, size, exit), 'number', contribution, 'handlePortRead');
    if (value !== undefined || exit.hasInjected) return value ?? 0;
  }
  return read(portIo, port, size);
}

function output(
  exit: Exit,
  portIo: PortIo,
  contributions: readonly PortContribution[],
  port: number,
  size: number,
  value: number,
): void {
  for (const contribution of contributions) {
    if (contribution.handlePortWrite === undefined || !contribution.ports.includes(port)) continue;
    if (
      isHandled(contribution.handlePortWrite(port, size, value, exit), contribution, 'handlePortWrite') ||
      exit.hasInjected
    )
      return;
  }
  write(portIo, port, size, value);
}

/** Writes an IN's value to AL, AX or EAX. Only a write of EAX clears the upper half of RAX. */
function storeResult(halves: Uint32Array, size: number, value: number): void {
  const mask = size === 4 ? 0xffffffff : (1 << (size * 8)) - 1;
  halves[0] = ((halves[0]! & ~mask) | (value & mask)) >>> 0;
  if (size === 4) halves[1] = 0;
}

/**
 * IN and OUT that exit: contributions, else the port itself. SDM 3C "Exit Qualification for I/O Instructions".
 *
 * @throws UnimplementedExitError for INS and OUTS.
 */
export function emulateIo(exit: Exit, portIo: PortIo, contributions: readonly PortContribution[]): void {
  const qualification = exit.qualificationLow;
  const port = qualification >>> 16;
  if ((qualification & IoAccess.StringInstruction) !== 0) {
    throw new UnimplementedExitError(
      `INS or OUTS of port ${hex(port)} exits, and the base emulates IN and OUT only: pass the port through, or handle ExitReason.IoInstruction`,
    );
  }
  const size = (qualification & IoAccess.SizeOfAccess) + 1;
  const { halves } = exit.registers;
  if ((qualification & IoAccess.DirectionOfAccess) !== 0) {
    const value = input(exit, portIo, contributions, port, size);
    if (!exit.hasInjected) storeResult(halves, size, value);
  } else {
    const mask = size === 4 ? 0xffffffff : (1 << (size * 8)) - 1;
    output(exit, portIo, contributions, port, size, (halves[0]! & mask) >>> 0);
  }
  if (!exit.hasInjected) exit.advance();
}
