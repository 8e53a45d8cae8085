// SPDX-License-Identifier: LGPL-2.1-only
// The virtual-APIC page: what follows a write to one of its registers, and virtual interrupts. SDM 3C "APIC Virtualization and Virtual
// Interrupts".
import { ApicRegister, ExitReason, InterruptCommand, SecondaryControl, ActivityState, PrimaryControl } from "../generated/architecture";
import {
  ACTIVITY, APIC_PENDING_ENTRY, APIC_PENDING_OFFSET, VMX_EOI_EXIT_BITMAP, VMX_INTERRUPT_STATUS, VMX_TPR_THRESHOLD,
  VMX_VIRTUAL_APIC,
} from "../generated/layout";
import { structureHost, structureWritten } from "../physical/ram";
import { recognizeVirtualInterrupt, takeApicPending } from "../state/virtual_apic_state";
import { primary, secondary, vmExitBoundary } from "../vmx/vmx";

/** Vectors below are reserved for exceptions. SDM 3A "Valid Interrupt Vectors". */
@inline const FIRST_VECTOR: u32 = 16;
/** Bits of a vector that are its priority class. */
@inline const PRIORITY_CLASS: u32 = 0xf0;
/** An access may begin at any byte of the 4 of a register. */
@inline const BYTE_OF_REGISTER: u32 = 3;
/** The priority class of a vector or of a priority register. */
@inline function classOf(vector: u32): u32 { return (vector >> 4) & 0xf; }

/** What is read and written in place of a virtual-APIC page that is not in memory: nobody drives the bus. */
const nowhere: usize = memory.data<u64>([0]);

/** Address in the machine's memory of a byte of the virtual-APIC page. */
export function virtualRegister(offset: u32): usize {
  const host = structureHost(load<u64>(VMX_VIRTUAL_APIC) + offset);
  if (host) return host;
  store<u64>(nowhere, ~<u64>0);
  return nowhere;
}
export function readVirtual(offset: u32): u32 { return load<u32>(virtualRegister(offset)); }
export function writeVirtual(offset: u32, v: u32): void {
  const host = virtualRegister(offset);
  store<u32>(host, v);
  if (host != nowhere) structureWritten(host, sizeof<u32>());
}
/** Notes a write that the current instruction makes at an address that `virtualRegister` gave. */
export function virtualWritten(host: usize, size: u32): void { if (host != nowhere) structureWritten(host, size); }

// Vectors as bits of eight registers, which are 16 bytes apart.
@inline function registerOf(set: u32, vector: u32): u32 { return set + (vector >> 5) * 16; }
function setVector(set: u32, vector: u32): void {
  const at = registerOf(set, vector);
  writeVirtual(at, readVirtual(at) | (1 << (vector & 31)));
}
function clearVector(set: u32, vector: u32): void {
  const at = registerOf(set, vector);
  writeVirtual(at, readVirtual(at) & ~(1 << (vector & 31)));
}
/** The highest vector of a set, 0 if it is empty. */
function highestVector(set: u32): u32 {
  for (let i: i32 = 7; i >= 0; i--) {
    const bits = readVirtual(set + i * 16);
    if (bits) return i * 32 + 31 - clz(bits);
  }
  return 0;
}

// The guest interrupt status: RVI in bits 7:0, SVI in bits 15:8.
function requesting(): u32 { return load<u32>(VMX_INTERRUPT_STATUS) & 0xff; }
function servicing(): u32 { return (load<u32>(VMX_INTERRUPT_STATUS) >> 8) & 0xff; }
function setStatus(rvi: u32, svi: u32): void { store<u32>(VMX_INTERRUPT_STATUS, rvi | (svi << 8)); }

/** SDM 3C "PPR Virtualization". */
function virtualizePriority(): void {
  const task = readVirtual(ApicRegister.TaskPriority) & 0xff, svi = servicing();
  writeVirtual(ApicRegister.ProcessorPriority, classOf(task) >= classOf(svi) ? task : svi & PRIORITY_CLASS);
}
/** SDM 3C "Evaluation of Pending Virtual Interrupts". */
function evaluate(): void {
  recognizeVirtualInterrupt(classOf(requesting()) > classOf(readVirtual(ApicRegister.ProcessorPriority)));
}
function isBelowThreshold(): bool {
  return classOf(readVirtual(ApicRegister.TaskPriority)) < (load<u32>(VMX_TPR_THRESHOLD) & 0xf);
}
function delivers(): bool { return secondary(SecondaryControl.VirtualInterruptDelivery); }

/** The guest has just been entered. SDM 3C "VM Exits Induced by the TPR Threshold", "Pending Virtual Interrupts" of VM entries. */
function entered(): bool {
  if (delivers()) {
    virtualizePriority();
    evaluate();
    return false;
  }
  const exits = secondary(SecondaryControl.VirtualizeApicAccesses) && isBelowThreshold()
    && load<u32>(ACTIVITY) != ActivityState.WaitForSipi;
  if (exits) vmExitBoundary(ExitReason.TprBelowThreshold, 0);
  return exits;
}
/** SDM 3C "TPR Virtualization". */
function virtualizeTaskPriority(): bool {
  if (delivers()) {
    virtualizePriority();
    evaluate();
    return false;
  }
  if (!isBelowThreshold()) return false;
  vmExitBoundary(ExitReason.TprBelowThreshold, 0);
  return true;
}
function apicWriteExit(offset: u32): bool {
  vmExitBoundary(ExitReason.ApicWrite, offset);
  return true;
}
/** SDM 3C "EOI Virtualization". */
function virtualizeEndOfInterrupt(): bool {
  const vector = servicing();
  clearVector(ApicRegister.InService, vector);
  setStatus(requesting(), highestVector(ApicRegister.InService));
  virtualizePriority();
  if ((load<u64>(VMX_EOI_EXIT_BITMAP + (vector >> 6) * 8) >> (vector & 63)) & 1) {
    vmExitBoundary(ExitReason.VirtualizedEoi, vector);
    return true;
  }
  evaluate();
  return false;
}
/** SDM 3C "Self-IPI Virtualization". */
function virtualizeSelfIpi(vector: u32): bool {
  setVector(ApicRegister.InterruptRequest, vector);
  setStatus(max(requesting(), vector), servicing());
  evaluate();
  return false;
}
/** Moves the requests of a posted-interrupt descriptor, 256 bits, to the virtual APIC. */
export function requestVectors(requests: usize): void {
  let highest: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) {
    const bits = load<u32>(requests + i * 4);
    if (!bits) continue;
    const register = ApicRegister.InterruptRequest + i * 16;
    writeVirtual(register, readVirtual(register) | bits);
    store<u32>(requests + i * 4, 0);
    highest = i * 32 + 31 - clz(bits);
  }
  setStatus(max(requesting(), highest), servicing());
  evaluate();
}
/** True if an interrupt command is one that needs no VM exit: fixed, edge-triggered, to the sender itself. */
function isVirtualSelfIpi(command: u32): bool {
  const plain = InterruptCommand.Reserved | InterruptCommand.DestinationShorthand | InterruptCommand.TriggerMode
    | InterruptCommand.DeliveryStatus | InterruptCommand.DeliveryMode;
  return (command & plain) == InterruptCommand.ShorthandSelf && (command & InterruptCommand.Vector) >= FIRST_VECTOR;
}
/** SDM 3C "APIC-Write Emulation". @returns true after a VM exit. */
function emulateWrite(offset: u32): bool {
  switch (offset & ~BYTE_OF_REGISTER) {
    case ApicRegister.TaskPriority:
      writeVirtual(ApicRegister.TaskPriority, readVirtual(ApicRegister.TaskPriority) & 0xff);
      return virtualizeTaskPriority();
    case ApicRegister.EndOfInterrupt:
      if (!delivers()) return apicWriteExit(offset);
      writeVirtual(ApicRegister.EndOfInterrupt, 0);
      return virtualizeEndOfInterrupt();
    case ApicRegister.InterruptCommandLow: {
      const command = readVirtual(ApicRegister.InterruptCommandLow);
      if (!delivers() || !isVirtualSelfIpi(command)) return apicWriteExit(offset);
      return virtualizeSelfIpi(command & InterruptCommand.Vector);
    }
    case ApicRegister.InterruptCommandHigh:
      writeVirtual(ApicRegister.InterruptCommandHigh, readVirtual(ApicRegister.InterruptCommandHigh) & 0xff000000);
      return false;
    case ApicRegister.SelfIpi: {
      const vector = readVirtual(ApicRegister.SelfIpi) & 0xff;
      return vector < FIRST_VECTOR ? apicWriteExit(offset) : virtualizeSelfIpi(vector);
    }
  }
  return apicWriteExit(offset);
}
/** At a boundary: the emulation of a write, or what VM entry asks for. @returns true after a VM exit. */
export function virtualApicWork(): bool {
  const pending = takeApicPending();
  if (!pending) return false;
  return pending == APIC_PENDING_ENTRY ? entered() : emulateWrite(pending & APIC_PENDING_OFFSET);
}
/** SDM 3C "Virtual-Interrupt Delivery". @returns the vector. */
export function takeVirtualInterrupt(): u32 {
  const vector = requesting();
  setVector(ApicRegister.InService, vector);
  writeVirtual(ApicRegister.ProcessorPriority, vector & PRIORITY_CLASS);
  clearVector(ApicRegister.InterruptRequest, vector);
  setStatus(highestVector(ApicRegister.InterruptRequest), vector);
  recognizeVirtualInterrupt(false);
  return vector;
}
/** True if CR8 is the virtual APIC's task priority. */
export function hasTprShadow(): bool { return primary(PrimaryControl.UseTprShadow); }
