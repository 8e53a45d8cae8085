// SPDX-License-Identifier: LGPL-2.1-only
// VM exits as the core sees them: fill the EXIT_* words and stop. What happens then is the engine's (src/machine/vmx). SDM 3C "VM Exits".
// An exit counts no instruction: one that the VMM emulates is counted by the VM entry that finds RIP moved past it.
import {
  DELIVERY, DELIVERY_CODE, DELIVERY_LENGTH, EXIT_INSTRUCTION_INFORMATION, EXIT_INSTRUCTION_LENGTH,
  EXIT_INTERRUPTION_ERROR_CODE, EXIT_INTERRUPTION_INFORMATION, EXIT_QUALIFICATION, EXIT_REASON,
  IDT_VECTORING_ERROR_CODE, IDT_VECTORING_INFORMATION, STOP, STOP_VM_EXIT, VMX_PRIMARY, VMX_SECONDARY, VMX_PIN,
  FAULT_PENDING, RFLAGS_SYSTEM,
} from "../generated/layout";
import { compareColdState } from "../state/cold_state";
import { nonRoot } from "../state/mode";
import { isArmed, leaveWait } from "../state/monitored_line";
import { takeNmiUnblocked } from "../state/nmi_blocking";
import { InterruptionType, DB, Rflags, ExitReason, InterruptionBit } from "../generated/architecture";
import { leaveVirtualApic } from "../state/virtual_apic_state";
import { throwHost } from "../events/raise";
import { rewind, instructionLength, repetitionFlag } from "../state/instruction";
import { eventType, eventVector } from "../state/event_information";

/** True in non-root operation with a control of the primary processor-based controls set: PrimaryControl.*. */
@inline export function primary(mask: u32): bool { return nonRoot() && (load<u32>(VMX_PRIMARY) & mask) != 0; }
/** The same for the secondary controls (0 unless activated). */
@inline export function secondary(mask: u32): bool { return nonRoot() && (load<u32>(VMX_SECONDARY) & mask) != 0; }
/** The same for the pin-based controls. */
@inline export function pin(mask: u32): bool { return nonRoot() && (load<u32>(VMX_PIN) & mask) != 0; }

function report(reason: u32, qualification: u64, length: u32): void {
  store<u32>(EXIT_REASON, reason);
  store<u64>(EXIT_QUALIFICATION, qualification);
  store<u32>(EXIT_INSTRUCTION_LENGTH, length);
  store<u32>(EXIT_INTERRUPTION_INFORMATION, 0);
  store<u32>(EXIT_INTERRUPTION_ERROR_CODE, 0);
  store<u32>(IDT_VECTORING_INFORMATION, 0);
  if (isArmed()) leaveWait();
  leaveVirtualApic();
  compareColdState();
  store<u32>(STOP, STOP_VM_EXIT);
}
/** The event whose delivery is interrupted by the exit. SDM "Information for VM Exits During Event Delivery". */
function reportDelivery(): void {
  const event = load<u32>(DELIVERY);
  store<u32>(DELIVERY, 0);
  store<u32>(FAULT_PENDING, 0);
  if (!(event & InterruptionBit.Valid)) return;
  store<u64>(RFLAGS_SYSTEM, load<u64>(RFLAGS_SYSTEM) | repetitionFlag());
  // The saved RFLAGS is the image that the delivery would have pushed: RF is 1 for faults.
  if (eventType(event) == InterruptionType.HardwareException && eventVector(event) != DB)
    store<u64>(RFLAGS_SYSTEM, load<u64>(RFLAGS_SYSTEM) | Rflags.ResumeFlag);
  store<u32>(IDT_VECTORING_INFORMATION, event);
  store<u32>(IDT_VECTORING_ERROR_CODE, load<u32>(DELIVERY_CODE));
  store<u32>(EXIT_INSTRUCTION_LENGTH, load<u32>(DELIVERY_LENGTH));
}

/** VM exit of an instruction that ends its block: the caller returns at once and has changed nothing. RIP stays at the instruction. */
export function vmExit(reason: u32, qualification: u64): void { report(reason, qualification, instructionLength()); }
/** The same with VM-exit instruction information. */
export function vmExitInformation(reason: u32, qualification: u64, information: u32): void {
  store<u32>(EXIT_INSTRUCTION_INFORMATION, information);
  vmExit(reason, qualification);
}
/** VM exit between two instructions. */
export function vmExitBoundary(reason: u32, qualification: u64): void {
  store<u64>(RFLAGS_SYSTEM, load<u64>(RFLAGS_SYSTEM) | repetitionFlag());
  report(reason, qualification, 0);
}
/** VM exit from inside an access or the delivery of an event: does not return. The caller has set qualification and addresses. */
export function vmExitFault(reason: u32): void {
  const length = instructionLength();
  rewind();
  takeNmiUnblocked();
  report(reason, load<u64>(EXIT_QUALIFICATION), length);
  reportDelivery();
  throwHost();
}
/**
 * VM exit caused directly by an event (exception, NMI, interrupt). `information`: VM-exit interruption information.
 * `within`: the exit occurs during the delivery of another event.
 */
export function vmExitEvent(information: u32, code: u32, qualification: u64, length: u32, within: bool): void {
  store<u64>(RFLAGS_SYSTEM, load<u64>(RFLAGS_SYSTEM) | repetitionFlag());
  report(ExitReason.ExceptionOrNonMaskableInterrupt, qualification, length);
  if (within) {
    const inner = load<u32>(EXIT_INSTRUCTION_LENGTH);
    reportDelivery();
    if (length) store<u32>(EXIT_INSTRUCTION_LENGTH, inner);
  } else store<u32>(DELIVERY, 0);
  store<u32>(EXIT_INTERRUPTION_INFORMATION, information);
  store<u32>(EXIT_INTERRUPTION_ERROR_CODE, code);
}
