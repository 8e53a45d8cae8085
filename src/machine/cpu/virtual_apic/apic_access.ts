// SPDX-License-Identifier: LGPL-2.1-only
// The APIC-access page: accesses to it go to the virtual-APIC page, or are VM exits. SDM 3C "Virtualizing Memory-Mapped APIC Accesses".
import { ApicAccessType, ApicRegister, ExitReason, InterruptionBit, LinearApicAccess, SecondaryControl } from "../generated/architecture";
import { DELIVERY, VMX_APIC_ACCESS, VMX_APIC_PENDING, EXIT_QUALIFICATION } from "../generated/layout";
import { touchDevice } from "../physical/physical_memory";
import { FETCH, PAGE, READ, WRITE } from "../state/access_kind";
import { inField } from "../state/bit_field";
import { noteApicWrite } from "../state/virtual_apic_state";
import { secondary, vmExitFault } from "../vmx/vmx";
import { hasTprShadow, virtualRegister, virtualWritten } from "./virtual_apic";

/** A register of the page as a bit: registers are 16 bytes apart. */
@inline function bitOf(register: u32): u64 { return <u64>1 << (register >> 4); }
/** The bits of registers from one to another. */
@inline function range(first: u32, last: u32): u64 { return (bitOf(last) << 1) - bitOf(first); }

/** With "APIC-register virtualization": registers whose writes go to the virtual-APIC page. */
function writable(): u64 {
  return bitOf(ApicRegister.Id) | bitOf(ApicRegister.TaskPriority) | bitOf(ApicRegister.EndOfInterrupt)
    | range(ApicRegister.LogicalDestination, ApicRegister.SpuriousInterruptVector) | bitOf(ApicRegister.ErrorStatus)
    | range(ApicRegister.InterruptCommandLow, ApicRegister.InitialCount) | bitOf(ApicRegister.DivideConfiguration);
}
/** The same for reads. */
function readable(): u64 {
  return writable() | bitOf(ApicRegister.Version) | range(ApicRegister.InService, ApicRegister.ErrorStatus);
}
/** Without it. */
function fewRegisters(): u64 {
  const task = bitOf(ApicRegister.TaskPriority);
  if (!secondary(SecondaryControl.VirtualInterruptDelivery)) return task;
  return task | bitOf(ApicRegister.EndOfInterrupt) | bitOf(ApicRegister.InterruptCommandLow);
}
/** True if an access of an instruction goes to the virtual-APIC page: it lies in the first four bytes of a register. */
function isVirtualized(offset: u32, size: u32, write: bool): bool {
  // The instruction has already written to the page, and the emulation of that write waits.
  if (load<u32>(VMX_APIC_PENDING) != 0 || !hasTprShadow() || (offset & 15) + size > 4) return false;
  const registers = !secondary(SecondaryControl.ApicRegisterVirtualization) ? fewRegisters() : write ? writable() : readable();
  return (registers & bitOf(offset)) != 0;
}

/** True if a physical address is in the APIC-access page. */
@inline export function isApicAccess(pa: u64): bool {
  return secondary(SecondaryControl.VirtualizeApicAccesses) && (pa & PAGE) == load<u64>(VMX_APIC_ACCESS);
}
function isDelivering(): bool { return (load<u32>(DELIVERY) & InterruptionBit.Valid) != 0; }
function exit(offset: u32, type: u32): void {
  store<u64>(EXIT_QUALIFICATION, <u64>offset | inField(LinearApicAccess.AccessType, type));
  vmExitFault(ExitReason.ApicAccess);
}
/** A linear access to the page that is not virtualized: a VM exit. Does not return. */
export function apicAccessExit(pa: u64, kind: u32): void {
  const type = isDelivering() ? ApicAccessType.EventDelivery : kind == FETCH ? ApicAccessType.InstructionFetch
    : kind == WRITE ? ApicAccessType.Write : ApicAccessType.Read;
  exit(<u32>(pa & ~PAGE), type);
}
/** The guest's paging structures are in the page: a VM exit. Does not return. SDM 3C "Guest-Physical Accesses to the APIC-Access Page". */
export function apicStructureExit(): void {
  exit(0, isDelivering() ? ApicAccessType.GuestPhysicalEventDelivery : ApicAccessType.GuestPhysicalExecution);
}
/** Place of an operand that lies in the page: in the virtual-APIC page, else a VM exit. */
export function openApicPage(pa: u64, size: u32, kind: u32): usize {
  const offset = <u32>(pa & ~PAGE);
  if (isDelivering() || (kind != WRITE && !isVirtualized(offset, size, false))) apicAccessExit(pa, kind);
  const host = virtualRegister(offset);
  if (kind == READ) return host;
  if (!isVirtualized(offset, size, true)) apicAccessExit(pa, WRITE);
  // What the write asks for is due right behind the instruction, as with a device.
  touchDevice();
  virtualWritten(host, size);
  noteApicWrite(offset);
  return host;
}
