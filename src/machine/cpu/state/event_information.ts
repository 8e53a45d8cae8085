// SPDX-License-Identifier: LGPL-2.1-only
// An event as the words DELIVERY and EXIT_INTERRUPTION_INFORMATION hold it. SDM 3C "Information for VM Exits Due to Vectored Events".
import { InterruptionBit, SelectorError } from "../generated/architecture";
import { fieldOf, inField } from "./bit_field";

/** `hasCode`: 0 or 1. */
@inline export function eventInformation(vector: u32, type: u32, hasCode: u32): u32 {
  return vector | <u32>inField(InterruptionBit.Type, type) | <u32>inField(InterruptionBit.ErrorCode, hasCode) | InterruptionBit.Valid;
}
@inline export function eventType(information: u32): u32 { return fieldOf(InterruptionBit.Type, information); }
@inline export function eventVector(information: u32): u32 { return information & InterruptionBit.Vector; }
/** The error code of a fault that a vector's gate causes. SDM 3A "Error Code". */
@inline export function idtError(vector: u32): u32 { return vector * 8 + SelectorError.Idt; }
