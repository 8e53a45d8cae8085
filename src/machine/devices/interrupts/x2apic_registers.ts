// SPDX-License-Identifier: LGPL-2.1-only
// The registers of a local APIC as MSRs. SDM 3A "x2APIC Register Address Space".
import { ApicRegister } from '../../../intrinsics/structures/apic_registers.js';
import { X2apicMsr } from '../../../intrinsics/registers/msr_definitions.js';
import { logicalId } from './interrupt_destination.js';

/** How software may use a register in x2APIC mode. */
interface X2apicRegister {
  readonly isReadable: boolean;
  /** Bits that WRMSR may set; absent: each WRMSR raises #GP. */
  readonly writable?: number;
}

/** The interrupt command register is the only one of 64 bits: its upper half is the destination. */
const COMMAND = ApicRegister.InterruptCommandLow;

const readOnly: X2apicRegister = { isReadable: true };
const readWrite = (writable: number): X2apicRegister => ({ isReadable: true, writable });
const writeOnly = (writable: number): X2apicRegister => ({ isReadable: false, writable });
/** The bits of LVT entries: vector, delivery mode, status, polarity, remote IRR, trigger mode, mask. */
const [timer, monitor, pin, error] = [0x710ff, 0x117ff, 0x1f7ff, 0x110ff];

/** By the offset that the register has in the page of the xAPIC mode. */
const registers: ReadonlyMap<number, X2apicRegister> = new Map<number, X2apicRegister>([
  [ApicRegister.Id, readOnly],
  [ApicRegister.Version, readOnly],
  [ApicRegister.TaskPriority, readWrite(0xff)],
  [ApicRegister.ProcessorPriority, readOnly],
  [ApicRegister.EndOfInterrupt, writeOnly(0)],
  [ApicRegister.LogicalDestination, readOnly],
  [ApicRegister.SpuriousInterruptVector, readWrite(0x1ff)],
  // ISR, TMR and IRR have eight registers each.
  ...Array.from({ length: 24 }, (_, i): [number, X2apicRegister] => [ApicRegister.InService + 16 * i, readOnly]),
  [ApicRegister.ErrorStatus, readWrite(0)],
  [COMMAND, readWrite(0xccfff)],
  [ApicRegister.LvtTimer, readWrite(timer)],
  [ApicRegister.LvtThermalMonitor, readWrite(monitor)],
  [ApicRegister.LvtPerformanceCounters, readWrite(monitor)],
  [ApicRegister.LvtLint0, readWrite(pin)],
  [ApicRegister.LvtLint1, readWrite(pin)],
  [ApicRegister.LvtError, readWrite(error)],
  [ApicRegister.InitialCount, readWrite(0xffffffff)],
  [ApicRegister.CurrentCount, readOnly],
  [ApicRegister.DivideConfiguration, readWrite(0xb)],
  [ApicRegister.SelfIpi, writeOnly(0xff)],
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
  /** Sends itself an edge-triggered interrupt; the interrupt command register keeps its value. SDM 3A "SELF IPI Register". */
  sendToSelf(vector: number): void;
}

/** RDMSR: bits 31:0 of the value. @returns undefined for #GP */
export function readX2apic(apic: X2apicHost, offset: number): number | undefined {
  if (!apic.isX2apic || !isX2apicReadable(offset)) return undefined;
  if (offset === ApicRegister.Id) return apic.id;
  return offset === ApicRegister.LogicalDestination ? logicalId(apic.id) : apic.readRegister(offset);
}

/** Bits 63:32 of what `readX2apic` reads. */
export function readX2apicHigh(apic: X2apicHost, offset: number): number {
  return offset === COMMAND ? apic.commandHigh : 0;
}

/** WRMSR. @returns false for #GP */
export function writeX2apic(apic: X2apicHost, offset: number, low: number, high: number): boolean {
  if (!apic.isX2apic || !isX2apicWritable(offset, low, high)) return false;
  if (offset === COMMAND) apic.commandHigh = high;
  if (offset === ApicRegister.SelfIpi) apic.sendToSelf(low);
  else apic.writeRegister(offset, low);
  return true;
}
