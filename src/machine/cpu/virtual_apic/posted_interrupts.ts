// SPDX-License-Identifier: LGPL-2.1-only
// SDM 3C "Posted-Interrupt Processing".
import { ApicBase, ApicRegister, X2apicMsr } from "../generated/architecture";
import { APIC_BASE, VMX_POSTED_DESCRIPTOR, VMX_POSTED_VECTOR } from "../generated/layout";
import { structureHost, structureWritten } from "../physical/ram";
import { FRAME } from "../state/page_levels";
import { requestVectors } from "./virtual_apic";

@external("env", "mmioWrite") declare function mmioWrite(address: f64, size: u32, value: u32): void;
@external("env", "msrWrite") declare function busWrite(index: u32, low: u32, high: u32): u32;

/** The posted-interrupt descriptor: 256 bits of requests, then a word whose lowest bit is "outstanding notification". */
@inline const REQUEST_BYTES: u32 = 32;
@inline const DESCRIPTOR_BYTES: u32 = 64;
@inline const OUTSTANDING: u32 = 1;

/** An end of interrupt for the processor's own local APIC. */
function endOfInterrupt(): void {
  const base = load<u64>(APIC_BASE);
  if (base & ApicBase.EnableX2apicMode) busWrite(X2apicMsr.First + (ApicRegister.EndOfInterrupt >> 4), 0, 0);
  else mmioWrite(<f64>((base & FRAME) + ApicRegister.EndOfInterrupt), sizeof<u32>(), 0);
}
/** An interrupt was acknowledged with "process posted interrupts". @returns false if it is not the notification: then it is a VM exit. */
export function processNotification(vector: u32): bool {
  if (vector != load<u32>(VMX_POSTED_VECTOR)) return false;
  const descriptor = structureHost(load<u64>(VMX_POSTED_DESCRIPTOR));
  if (descriptor) store<u32>(descriptor, load<u32>(descriptor, REQUEST_BYTES) & ~OUTSTANDING, REQUEST_BYTES);
  endOfInterrupt();
  if (!descriptor) return true;
  requestVectors(descriptor);
  structureWritten(descriptor, DESCRIPTOR_BYTES);
  return true;
}
