// SPDX-License-Identifier: LGPL-2.1-only
// Interrupt shadows and RF as instructions leave them. SDM 3A "Masking Exceptions and Interrupts When Switching Stacks".
import { INTERRUPTIBILITY } from "../generated/layout";
import { updateAttention } from "./mode";

/** True if the current instruction began a shadow, which the step must then leave for the next one. */
export let shadowBegun: bool = false;
/** True if the current instruction loaded RF (IRET, task switch), which the step must then leave. */
export let rfLoaded: bool = false;
/** Before each step. */
export function beginStep(): void { shadowBegun = false; rfLoaded = false; }
/** MOV SS and POP SS. */
export function shadowMovSs(): void { begin(2); }
/** STI that sets IF. */
export function shadowSti(): void { begin(1); }
function begin(bit: u32): void {
  store<u32>(INTERRUPTIBILITY, (load<u32>(INTERRUPTIBILITY) & ~3) | bit);
  shadowBegun = true;
  updateAttention();
}
/** IRET, task switch. */
export function keepRf(): void { rfLoaded = true; }
