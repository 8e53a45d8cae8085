// SPDX-License-Identifier: LGPL-2.1-only
// VMX instructions: SDM 3D "VMX Instruction Reference". The core checks what comes before their operation; the engine (src/machine/vmx)
// carries it out. Each ends its block. A VM exit is recorded and the instruction returns without having changed anything.
import { operandDisplacement, operandInformation, secondRegister } from "../decode/instruction_information";
import { supervisorOnly } from "../events/privilege";
import { raise, raiseCode } from "../events/raise";
import { ExitReason, GP, UD, Cr4, FeatureControl, InveptType, InvvpidType } from "../generated/architecture";
import {
  CR0, CR4, FEATURE_CONTROL, STOP, STOP_VMX_INSTRUCTION, VMX_CURRENT_VMCS, VMX_CR0_FIXED0, VMX_CR0_FIXED1, VMX_CR4_FIXED0,
  VMX_CR4_FIXED1, VMX_INSTRUCTION_INVEPT, VMX_INSTRUCTION_INVVPID, VMX_INSTRUCTION_VMCALL, VMX_INSTRUCTION_VMCLEAR,
  VMX_INSTRUCTION_VMLAUNCH, VMX_INSTRUCTION_VMPTRLD, VMX_INSTRUCTION_VMPTRST, VMX_INSTRUCTION_VMREAD,
  VMX_INSTRUCTION_VMRESUME, VMX_INSTRUCTION_VMWRITE, VMX_INSTRUCTION_VMXOFF, VMX_INSTRUCTION_VMXON, VMX_MODE,
  VMX_OPERAND_DESCRIPTOR0, VMX_OPERAND_DESCRIPTOR1, VMX_OPERAND_FIELD, VMX_OPERAND_INSTRUCTION, VMX_OPERAND_LENGTH,
  VMX_OPERAND_LINEAR, VMX_OPERAND_REGISTER, VMX_OPERAND_SIZE, VMX_OPERAND_VALUE,
} from "../generated/layout";
import { KIND_READ_ONLY } from "../generated/vmcs_fields";
import { probe, read, value } from "../memory/access";
import { instructionLength } from "../state/instruction";
import { in64, inLong, inProtected, nonRoot } from "../state/mode";
import { Mem, reg, Reg } from "../state/registers";
import { kindOfField } from "../vmx/fields";
import { vmExit, vmExitInformation } from "../vmx/vmx";

function checkVmx(): void { if (!load<u32>(VMX_MODE) || !inProtected() || (inLong() && !in64())) raise(UD); }
/**
 * True if the instruction, which has no operand, is for the engine: #UD and #GP(0) are checked; in non-root operation it leaves. SDM 3D
 * "VMX Instruction Reference".
 */
function forEngine(reason: u32): bool {
  checkVmx();
  if (nonRoot()) { vmExit(reason, 0); return false; }
  supervisorOnly();
  return true;
}
/** The same with an operand. `second`: instruction information of the other one. */
function forEngineWith<D>(reason: u32, operand: D, second: u32): bool {
  checkVmx();
  if (nonRoot()) { vmExitInformation(reason, operandDisplacement<D>(), operandInformation<D>(operand) | second); return false; }
  supervisorOnly();
  return true;
}
function handOver(instruction: u32): void {
  store<u32>(VMX_OPERAND_INSTRUCTION, instruction);
  store<u32>(VMX_OPERAND_LENGTH, instructionLength());
  store<u32>(STOP, STOP_VMX_INSTRUCTION);
}
function handOverMemory(instruction: u32, ea: Mem): void {
  store<u64>(VMX_OPERAND_VALUE, read<u64>(ea));
  handOver(instruction);
}
@inline const VMX_ALLOWED: u64 = FeatureControl.LockBit | FeatureControl.EnableVmxOutsideSmx;
/** VMXON m64: also CR0, CR4 and IA32_FEATURE_CONTROL must allow VMX operation. In VMX root operation it fails without its operand. */
export function VMXON(ea: Mem): void {
  if (!inProtected() || !(load<u32>(CR4) & Cr4.VmxEnableBit) || (inLong() && !in64())) raise(UD);
  if (load<u32>(VMX_MODE)) {
    if (forEngineWith<Mem>(ExitReason.Vmxon, ea, 0)) handOver(VMX_INSTRUCTION_VMXON);
    return;
  }
  supervisorOnly();
  const cr0 = load<u64>(CR0), cr4 = load<u64>(CR4);
  if ((~cr0 & load<u64>(VMX_CR0_FIXED0)) != 0 || (cr0 & ~load<u64>(VMX_CR0_FIXED1)) != 0) raiseCode(GP, 0);
  if ((~cr4 & load<u64>(VMX_CR4_FIXED0)) != 0 || (cr4 & ~load<u64>(VMX_CR4_FIXED1)) != 0) raiseCode(GP, 0);
  if ((load<u64>(FEATURE_CONTROL) & VMX_ALLOWED) != VMX_ALLOWED) raiseCode(GP, 0);
  handOverMemory(VMX_INSTRUCTION_VMXON, ea);
}
export function VMXOFF(): void { if (forEngine(ExitReason.Vmxoff)) handOver(VMX_INSTRUCTION_VMXOFF); }
export function VMCLEAR(ea: Mem): void { if (forEngineWith<Mem>(ExitReason.Vmclear, ea, 0)) handOverMemory(VMX_INSTRUCTION_VMCLEAR, ea); }
export function VMPTRLD(ea: Mem): void { if (forEngineWith<Mem>(ExitReason.Vmptrld, ea, 0)) handOverMemory(VMX_INSTRUCTION_VMPTRLD, ea); }
export function VMPTRST(ea: Mem): void {
  if (!forEngineWith<Mem>(ExitReason.Vmptrst, ea, 0)) return;
  probe(ea, 8, 1, 1);
  store<u64>(VMX_OPERAND_LINEAR, ea);
  store<u32>(VMX_OPERAND_SIZE, 8);
  store<u32>(VMX_OPERAND_REGISTER, 0);
  handOver(VMX_INSTRUCTION_VMPTRST);
}
/**
 * The kind of the field that VMREAD or VMWRITE names. 0 without a current VMCS, or without such a field: then they fail before they touch
 * their operand in memory.
 */
function fieldKind(encoding: u64): u32 {
  return load<u64>(VMX_CURRENT_VMCS) == ~(<u64>0) ? 0 : kindOfField(encoding);
}
/** VMREAD r/m, r. T: u64 in 64-bit mode, else u32. */
export function VMREAD<T, D>(d: D, field: Reg): void {
  if (!forEngineWith<D>(ExitReason.Vmread, d, secondRegister(field))) return;
  const encoding = <u64>reg<T>(field);
  if (sizeof<D>() == 8 && fieldKind(encoding)) probe(<u64>d, sizeof<T>(), 1, 1);
  store<u64>(VMX_OPERAND_FIELD, encoding);
  store<u32>(VMX_OPERAND_REGISTER, sizeof<D>() == 4 ? <u32>d : 0);
  store<u64>(VMX_OPERAND_LINEAR, sizeof<D>() == 8 ? <u64>d : 0);
  store<u32>(VMX_OPERAND_SIZE, sizeof<T>());
  handOver(VMX_INSTRUCTION_VMREAD);
}
/** VMWRITE r, r/m. A field that is read-only fails before the operand is read, too. */
export function VMWRITE<T, S>(field: Reg, s: S): void {
  if (!forEngineWith<S>(ExitReason.Vmwrite, s, secondRegister(field))) return;
  const encoding = <u64>reg<T>(field), kind = fieldKind(encoding);
  store<u64>(VMX_OPERAND_VALUE, kind && !(kind & KIND_READ_ONLY) ? <u64>value<T, S>(s) : 0);
  store<u64>(VMX_OPERAND_FIELD, encoding);
  store<u32>(VMX_OPERAND_SIZE, sizeof<T>());
  handOver(VMX_INSTRUCTION_VMWRITE);
}
export function VMLAUNCH(): void { if (forEngine(ExitReason.Vmlaunch)) handOver(VMX_INSTRUCTION_VMLAUNCH); }
export function VMRESUME(): void { if (forEngine(ExitReason.Vmresume)) handOver(VMX_INSTRUCTION_VMRESUME); }
/** VMCALL: from a guest it always leaves, at any CPL and in any mode. */
export function VMCALL(): void {
  if (nonRoot()) { vmExit(ExitReason.Vmcall, 0); return; }
  if (forEngine(ExitReason.Vmcall)) handOver(VMX_INSTRUCTION_VMCALL);
}
/** An instruction with a type that does not exist fails before it reads its descriptor. `least`, `most`: the types that exist. */
function invalidate(instruction: u32, reason: u32, type: Reg, ea: Mem, least: u32, most: u32): void {
  if (!forEngineWith<Mem>(reason, ea, secondRegister(type))) return;
  const wanted = in64() ? reg<u64>(type) : <u64>reg<u32>(type), exists = wanted >= least && wanted <= most;
  const low = exists ? read<u64>(ea) : 0, high = exists ? read<u64>(ea + 8) : 0;
  store<u64>(VMX_OPERAND_DESCRIPTOR0, low);
  store<u64>(VMX_OPERAND_DESCRIPTOR1, high);
  store<u64>(VMX_OPERAND_VALUE, wanted);
  handOver(instruction);
}
export function INVEPT(type: Reg, ea: Mem): void {
  invalidate(VMX_INSTRUCTION_INVEPT, ExitReason.Invept, type, ea, InveptType.singleContext, InveptType.global);
}
export function INVVPID(type: Reg, ea: Mem): void {
  invalidate(VMX_INSTRUCTION_INVVPID, ExitReason.Invvpid, type, ea, InvvpidType.individualAddress, InvvpidType.singleContextGlobal);
}
