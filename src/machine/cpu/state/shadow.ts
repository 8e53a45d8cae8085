// SPDX-License-Identifier: LGPL-2.1-only
// Interrupt shadows and RF as instructions leave them. SDM 3A "Masking Exceptions and Interrupts When Switching Stacks".
import { INTERRUPTIBILITY } from "../generated/layout";
import { updateAttention } from "./mode";
import { InterruptibilityState } from "../generated/architecture";
import { SHADOWS } from "../state/masks";

/** True if the current instruction began a shadow, which the step must then leave for the next one. */
export let shadowBegun: bool = false;
/** True if the current instruction loaded RF (IRET, task switch), which the step must then leave. */
export let rfLoaded: bool = false;
/** Before each step. */
export function beginStep(): void { shadowBegun = false; rfLoaded = false; }
/** MOV SS and POP SS. */
export function shadowMovSs(): void { begin(InterruptibilityState.BlockingByMovSs); }
/** STI that sets IF. */
export function shadowSti(): void { begin(InterruptibilityState.BlockingBySti); }
function begin(bit: u32): void {
  store<u32>(INTERRUPTIBILITY, (load<u32>(INTERRUPTIBILITY) & ~SHADOWS) | bit);
  shadowBegun = true;
  updateAttention();
}
/** IRET, task switch. */
export function keepRf(): void { rfLoaded = true; }
