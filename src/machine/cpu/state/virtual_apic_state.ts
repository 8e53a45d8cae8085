// SPDX-License-Identifier: LGPL-2.1-only
// What the guest's virtual APIC wants at the next boundary. It is forgotten at a VM exit: VM entry evaluates it again. SDM 3C "APIC
// Virtualization and Virtual Interrupts".
import {
  APIC_PENDING_WRITE, ATTENTION, ATTENTION_VIRTUAL_APIC, VMX_APIC_PENDING, VMX_VIRTUAL_INTERRUPT,
} from "../generated/layout";

function update(): void {
  const wanted = load<u32>(VMX_APIC_PENDING) | load<u32>(VMX_VIRTUAL_INTERRUPT);
  const others = load<u32>(ATTENTION) & ~ATTENTION_VIRTUAL_APIC;
  store<u32>(ATTENTION, wanted ? others | ATTENTION_VIRTUAL_APIC : others);
}
/** The current instruction writes a register of the virtual APIC: its emulation follows the instruction. */
export function noteApicWrite(offset: u32): void {
  store<u32>(VMX_APIC_PENDING, APIC_PENDING_WRITE | offset);
  update();
}
/** A write whose emulation is due, or VM entry's evaluation; 0 if there is none. The answer is given once. */
export function takeApicPending(): u32 {
  const pending = load<u32>(VMX_APIC_PENDING);
  store<u32>(VMX_APIC_PENDING, 0);
  update();
  return pending;
}
/** The current instruction did not complete: what it wanted to write is not emulated. */
export function dropApicWrite(): void {
  if (!(load<u32>(VMX_APIC_PENDING) & APIC_PENDING_WRITE)) return;
  store<u32>(VMX_APIC_PENDING, 0);
  update();
}
/** Recognizes a pending virtual interrupt, or ceases to. */
export function recognizeVirtualInterrupt(recognized: bool): void {
  store<u32>(VMX_VIRTUAL_INTERRUPT, u32(recognized));
  update();
}
/** At a VM exit. */
export function leaveVirtualApic(): void {
  if (!(load<u32>(ATTENTION) & ATTENTION_VIRTUAL_APIC)) return;
  store<u32>(VMX_APIC_PENDING, 0);
  recognizeVirtualInterrupt(false);
}
