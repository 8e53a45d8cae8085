// SPDX-License-Identifier: LGPL-2.1-only
// Blocking by NMI, which IRET ends: SDM 3A "Handling Multiple NMIs". With "virtual NMIs" the same bit is virtual-NMI blocking.
import { InterruptibilityState, PinBasedControl } from "../generated/architecture";
import { FAULT_NMI_UNBLOCKED, INTERRUPTIBILITY, VMX_PIN } from "../generated/layout";
import { nonRoot } from "./mode";

/** True if IRET leaves blocking alone. SDM 3C "Changes to Instruction Behavior in VMX Non-Root Operation". */
function keptByIret(): bool {
  const nmis = PinBasedControl.NmiExiting | PinBasedControl.VirtualNmis;
  return nonRoot() && (load<u32>(VMX_PIN) & nmis) == PinBasedControl.NmiExiting;
}
/** IRET begins: it ends blocking by NMI even if it faults afterwards. */
export function unblockNmi(): void {
  const before = load<u32>(INTERRUPTIBILITY);
  if (!(before & InterruptibilityState.BlockingByNmi) || keptByIret()) return;
  store<u32>(INTERRUPTIBILITY, before & ~InterruptibilityState.BlockingByNmi);
  store<u32>(FAULT_NMI_UNBLOCKED, 1);
}
/** The instruction did not begin after all: what it unblocked is blocked again. */
export function blockNmiAgain(): void {
  if (takeNmiUnblocked()) store<u32>(INTERRUPTIBILITY, load<u32>(INTERRUPTIBILITY) | InterruptibilityState.BlockingByNmi);
}
/** True if the IRET that is executing, or whose fault waits, ended blocking by NMI. The answer is given once. */
export function takeNmiUnblocked(): bool {
  const unblocked = load<u32>(FAULT_NMI_UNBLOCKED) != 0;
  store<u32>(FAULT_NMI_UNBLOCKED, 0);
  return unblocked;
}
