// SPDX-License-Identifier: LGPL-2.1-only
// The events that led to a triple fault, for the report of a death: the event whose delivery failed first, and each exception raised while
// the one before it was being delivered. SDM 3A "Interrupt 8—Double Fault Exception (#DF)". Nothing that software sees depends on these
// words.
import { CR2, DELIVERY, DELIVERY_CODE, EVENT_CHAIN, FAULT_ADDRESS, RIP } from "../generated/layout";

@inline const COMPLETE: usize = 4;
@inline const FIRST_RIP: usize = 8;
@inline const ENTRIES_AT: usize = 16;
@inline const ENTRY_SIZE: u32 = 16;
@inline const CAPACITY: u32 = 7;
/** In an entry's information: this exception and the one before it became a double fault. */
@inline const MADE_DOUBLE_FAULT: u32 = 0x40000000;

/** An event's delivery begins, and no other is under way: a chain may begin at this RIP. */
export function chainBegins(): void {
  store<u64>(EVENT_CHAIN, 0);                                         // count and COMPLETE
  store<u64>(EVENT_CHAIN, load<u64>(RIP), FIRST_RIP);
}
function append(information: u32, code: u32, address: u64): void {
  const count = load<u32>(EVENT_CHAIN);
  if (count >= CAPACITY) return;
  const at = EVENT_CHAIN + ENTRIES_AT + count * ENTRY_SIZE;
  store<u32>(at, information);
  store<u32>(at, code, 4);
  store<u64>(at, address, 8);
  store<u32>(EVENT_CHAIN, count + 1);
}
/** An exception was raised during the delivery that is under way; CR2 is still what that one left. `information`: as DELIVERY has it. */
export function chainRaised(information: u32, code: u32): void {
  if (!load<u32>(EVENT_CHAIN)) append(load<u32>(DELIVERY), load<u32>(DELIVERY_CODE), load<u64>(CR2));
  append(information, code, load<u64>(FAULT_ADDRESS));
}
/** The exception that was raised last becomes #DF. */
export function chainDoubled(): void {
  const last = EVENT_CHAIN + load<u32>(EVENT_CHAIN) * ENTRY_SIZE;      // ENTRIES_AT is one entry's size
  store<u32>(last, load<u32>(last) | MADE_DOUBLE_FAULT);
}
/** The chain ended in a triple fault. It is kept until the next event is delivered. */
export function chainComplete(): void { store<u32>(EVENT_CHAIN, 1, COMPLETE); }
