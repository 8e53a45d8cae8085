// SPDX-License-Identifier: LGPL-2.1-only
// The registers of a local APIC as MSRs. SDM 3A "x2APIC Register Address Space".
import { X2apicMsr } from '../../../intrinsics/msr_definitions.js';
import { logicalId } from './interrupt_destination.js';
import { Shorthand } from './interrupt_messages.js';

/** How software may use a register in x2APIC mode. */
interface X2apicRegister {
  readonly isReadable: boolean;
  /** Bits that WRMSR may set; absent: each WRMSR raises #GP. */
  readonly writable?: number;
}

const IDENTITY = 0x20;
const LOGICAL_DESTINATION = 0xd0;
/** The interrupt command register, the only one of 64 bits: its upper half is the destination. */
const COMMAND = 0x300;
/** A write of a vector there is an interrupt to the own processor. */
const SELF_INTERRUPT = 0x3f0;
/** A command that has this shorthand. */
const toSelf = Shorthand.Self << 18;

const readOnly: X2apicRegister = { isReadable: true };
const readWrite = (writable: number): X2apicRegister => ({ isReadable: true, writable });
const writeOnly = (writable: number): X2apicRegister => ({ isReadable: false, writable });
/** The bits of LVT entries: vector, delivery mode, status, polarity, remote IRR, trigger mode, mask. */
const [timer, monitor, pin, error] = [0x710ff, 0x117ff, 0x1f7ff, 0x110ff];

/** By the offset that the register has in the page of the xAPIC mode. */
const registers: ReadonlyMap<number, X2apicRegister> = new Map([
  [IDENTITY, readOnly],
  [0x30, readOnly],
  [0x80, readWrite(0xff)],
  [0xa0, readOnly],
  [0xb0, writeOnly(0)],
  [LOGICAL_DESTINATION, readOnly],
  [0xf0, readWrite(0x1ff)],
  // ISR, TMR and IRR have eight registers each.
  ...Array.from({ length: 24 }, (_, i): [number, X2apicRegister] => [0x100 + 16 * i, readOnly]),
  [0x280, readWrite(0)],
  [COMMAND, readWrite(0xccfff)],
  [0x320, readWrite(timer)],
  [0x330, readWrite(monitor)],
  [0x340, readWrite(monitor)],
  [0x350, readWrite(pin)],
  [0x360, readWrite(pin)],
  [0x370, readWrite(error)],
  [0x380, readWrite(0xffffffff)],
  [0x390, readOnly],
  [0x3e0, readWrite(0xb)],
  [SELF_INTERRUPT, writeOnly(0xff)],
]);

/** The offset in the page of the register that an MSR is. */
export function x2apicOffset(msr: number): number {
  return (msr - X2apicMsr.First) << 4;
}

/** Whether RDMSR of a register is not #GP. */
function isX2apicReadable(offset: number): boolean {
  return registers.get(offset)?.isReadable === true;
}

/** Whether WRMSR of a value to a register is not #GP. */
function isX2apicWritable(offset: number, low: number, high: number): boolean {
  const { writable } = registers.get(offset) ?? {};
  if (writable === undefined || (high !== 0 && offset !== COMMAND)) return false;
  return (low & ~writable) === 0;
}

/** What the mode needs of a local APIC. */
export interface X2apicHost {
  readonly isX2apic: boolean;
  readonly id: number;
  /** Bits 63:32 of the interrupt command register. */
  commandHigh: number;
  readRegister(offset: number): number;
  writeRegister(offset: number, value: number): void;
}

/** RDMSR: bits 31:0 of the value. @returns undefined for #GP */
export function readX2apic(apic: X2apicHost, offset: number): number | undefined {
  if (!apic.isX2apic || !isX2apicReadable(offset)) return undefined;
  if (offset === IDENTITY) return apic.id;
  return offset === LOGICAL_DESTINATION ? logicalId(apic.id) : apic.readRegister(offset);
}

/** Bits 63:32 of what `readX2apic` reads. */
export function readX2apicHigh(apic: X2apicHost, offset: number): number {
  return offset === COMMAND ? apic.commandHigh : 0;
}

/** WRMSR. @returns false for #GP */
export function writeX2apic(apic: X2apicHost, offset: number, low: number, high: number): boolean {
  if (!apic.isX2apic || !isX2apicWritable(offset, low, high)) return false;
  if (offset === COMMAND) apic.commandHigh = high;
  if (offset === SELF_INTERRUPT) apic.writeRegister(COMMAND, toSelf | low);
  else apic.writeRegister(offset, low);
  return true;
}
