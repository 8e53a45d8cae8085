// SPDX-License-Identifier: LGPL-2.1-only
// RDMSR and WRMSR of x2APIC registers that go to the virtual-APIC page. SDM 3C "Virtualizing MSR-Based APIC Accesses".
import { ApicRegister, SecondaryControl, X2apicMsr } from "../generated/architecture";
import { BUS_VALUE } from "../generated/layout";
import { noteApicWrite } from "../state/virtual_apic_state";
import { secondary } from "../vmx/vmx";
import { readVirtual, writeVirtual } from "./virtual_apic";

/** The register of an x2APIC MSR, as its offset in the page. */
@inline function registerOf(index: u32): u32 { return (index - X2apicMsr.First) << 4; }
/** True for the MSRs of the x2APIC, with "virtualize x2APIC mode". */
function isVirtual(index: u32): bool {
  return index >= X2apicMsr.First && index <= X2apicMsr.Last && secondary(SecondaryControl.VirtualizeX2apicMode);
}
/** RDMSR in non-root operation. @returns false if the MSR is read as usual, else its value is in BUS_VALUE. */
export function readVirtualMsr(index: u32): bool {
  if (!isVirtual(index)) return false;
  const register = registerOf(index);
  if (register != ApicRegister.TaskPriority && !secondary(SecondaryControl.ApicRegisterVirtualization)) return false;
  store<u32>(BUS_VALUE, readVirtual(register));
  store<u32>(BUS_VALUE, readVirtual(register + 4), 4);
  return true;
}
/** True if WRMSR in non-root operation writes the virtual APIC. */
export function isVirtualMsr(index: u32): bool {
  if (!isVirtual(index)) return false;
  const register = registerOf(index);
  return register == ApicRegister.TaskPriority || secondary(SecondaryControl.VirtualInterruptDelivery)
    && (register == ApicRegister.EndOfInterrupt || register == ApicRegister.SelfIpi);
}
/** WRMSR of a register that `isVirtualMsr` accepts. @returns false for #GP: a reserved bit is 1. */
export function writeVirtualMsr(index: u32, v: u64): bool {
  const register = registerOf(index);
  if (v & ~<u64>(register == ApicRegister.EndOfInterrupt ? 0 : 0xff)) return false;
  writeVirtual(register, <u32>v);
  noteApicWrite(register);
  return true;
}
