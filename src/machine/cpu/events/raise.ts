// SPDX-License-Identifier: LGPL-2.1-only
// Raising exceptions: SDM 3A "Interrupt and Exception Handling". raise… does not return: it writes the waiting event (FAULT_*), makes RIP
// and the instruction count exact and throws the host's preallocated exception. execute() (cpu.ts) is then called again and delivers the
// event.
import { PF, AC, DB, GP, InterruptionType, TS, ActivityState, InterruptionBit } from "../generated/architecture";
import {
  ACTIVITY, ATTENTION, ATTENTION_STEP, DEBUG_TRAPS, DELIVERY, FAULT_ADDRESS, FAULT_CODE, FAULT_DEBUG, FAULT_HAS_CODE,
  FAULT_INJECTED, FAULT_LENGTH, FAULT_PENDING, FAULT_TYPE, FAULT_VECTOR, STOP, STOP_UNIMPLEMENTED, UNIMPLEMENTED,
} from "../generated/layout";
import { rewind, stepping, trapsBefore } from "../state/instruction";
import { blockNmiAgain } from "../state/nmi_blocking";
import { dropApicWrite } from "../state/virtual_apic_state";
import { eventType } from "../state/event_information";

@external("env", "raise") declare function hostRaise(): void;
/** Unwinds to the host, which calls execute() again. */
export function throwHost(): void { hostRaise(); }

/** Writes the waiting event. */
export function setEvent(vector: u32, type: u32, hasCode: bool, code: u32, length: u32): void {
  store<u32>(FAULT_PENDING, 1);
  store<u32>(FAULT_VECTOR, vector);
  store<u32>(FAULT_TYPE, type);
  store<u32>(FAULT_HAS_CODE, u32(hasCode));
  store<u32>(FAULT_CODE, code);
  store<u32>(FAULT_LENGTH, length);
  store<u32>(FAULT_INJECTED, 0);
}
function raiseEvent(vector: u32, hasCode: bool, code: u32): void {
  rewind();
  dropApicWrite();
  if (stepping) store<u64>(DEBUG_TRAPS, trapsBefore);
  setEvent(vector, InterruptionType.HardwareException, hasCode, code, 0);
  hostRaise();
}
/** The EXT bit: 1 while an event that no instruction asked for is being delivered. SDM 3A "Error Code". */
function external(): u32 {
  const event = load<u32>(DELIVERY), type = eventType(event);
  return u32((event & InterruptionBit.Valid) != 0 && type != InterruptionType.SoftwareInterrupt
    && type != InterruptionType.SoftwareException);
}
/** Raises an exception without error code. Never returns. */
export function raise(vector: u32): void { raiseEvent(vector, false, 0); }
/** Raises an exception with an error code (selector index in bits 15:2; the EXT bit is added here). Never returns. */
export function raiseCode(vector: u32, code: u32): void {
  raiseEvent(vector, true, vector >= TS && vector <= GP ? code | external() : vector == AC ? external() : code);
}
/** Raises #PF; CR2 changes when it is delivered. Never returns. */
export function raisePageFault(address: u64, code: u32): void {
  store<u64>(FAULT_ADDRESS, address);
  raiseEvent(PF, true, code);
}
/** Raises #DB as a fault (instruction breakpoint, general detect) with DR6 bits. Never returns. */
export function raiseDebugFault(bits: u64): void {
  store<u64>(FAULT_DEBUG, bits);
  raiseEvent(DB, false, 0);
}
/**
 * Software asks for something that is not implemented: the machine stops and says so. An instruction that calls this must return at once.
 * `reason`: UNIMPLEMENTED_*.
 */
export function stopUnimplemented(reason: u32): void {
  store<u32>(UNIMPLEMENTED, reason);
  store<u32>(STOP, STOP_UNIMPLEMENTED);
}
/** The current x87 instruction waits until an interrupt has dealt with the error before it, and then begins again. Never returns. */
export function waitForInterrupt(): void {
  rewind();
  store<u32>(ACTIVITY, ActivityState.Hlt);
  hostRaise();
}
/** The current instruction touches a device, and nothing looks behind it at what the device asks for: begin it again as a separate step. */
export function restartStepping(): void {
  rewind();
  blockNmiAgain();
  store<u32>(ATTENTION, load<u32>(ATTENTION) | ATTENTION_STEP);
  hostRaise();
}
