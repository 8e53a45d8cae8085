// SPDX-License-Identifier: LGPL-2.1-only
// Port input and output: SDM 1 "Input/Output", SDM 2 "IN", "INS", "OUT", "OUTS"; in non-root operation by the I/O bitmaps.
// Each ends its block. A VM exit is recorded and the instruction returns without having changed anything.
import { destination, source } from "../integer/string";
import { reportedAddress } from "../code/record";
import { stringInformation } from "../decode/instruction_information";
import { watchPort } from "../events/breakpoints";
import { iopl } from "../events/privilege";
import { raiseCode } from "../events/raise";
import {
  ExitReason, GP, PrimaryControl, Rflags, AccessRights, Cr0, IoAccess, SystemSegmentBit, Tss32,
} from "../generated/architecture";
import {
  CPL, CR0, GUEST_LINEAR_ADDRESS, RCX, RDI, RDX, RFLAGS_SYSTEM, RSI, TR_BASE, TR_LIMIT, TR_RIGHTS, VMX_IO_BITMAP_A,
  VMX_IO_BITMAP_B, VMX_PRIMARY,
} from "../generated/layout";
import { probe, read, write } from "../memory/access";
import { readSystem } from "../memory/system_access";
import { structureHost } from "../physical/ram";
import { repeatAt } from "../state/instruction";
import { inVm86, nonRoot } from "../state/mode";
import { reg, Reg, setReg } from "../state/registers";
import { vmExit, vmExitInformation } from "../vmx/vmx";
import { inField } from "../state/bit_field";

@external("env", "portRead") declare function portRead(port: u32, size: u32): u32;
@external("env", "portWrite") declare function portWrite(port: u32, size: u32, value: u32): void;

/** I/O privilege: IOPL, then the permission bitmap of a 32- or 64-bit TSS. SDM 1 "I/O Permission Bit Map". */
function checkPort(port: u32, size: u32): void {
  if (!(load<u32>(CR0) & Cr0.ProtectionEnable) || (!inVm86() && load<u32>(CPL) <= iopl())) return;
  const limit = load<u32>(TR_LIMIT);
  if ((load<u32>(TR_RIGHTS) & AccessRights.Unusable) != 0 || !(load<u32>(TR_RIGHTS) & SystemSegmentBit.Is32Bit)
    || limit < Tss32.Bytes - 1) raiseCode(GP, 0);
  const at = <u32>readSystem<u16>(load<u64>(TR_BASE) + Tss32.IoMapBase) + (port >> 3);
  if (at + 1 > limit) raiseCode(GP, 0);
  const bits = <u32>readSystem<u16>(load<u64>(TR_BASE) + at) >> (port & 7);
  if (bits & ((1 << size) - 1)) raiseCode(GP, 0);
}
/** Each bitmap has a bit for so many ports. */
@inline const BITMAP_PORTS: u32 = 0x8000;
/** True if the controls or the I/O bitmaps make this access leave; an access that wraps beyond FFFFH does. */
function portLeaves(port: u32, size: u32): bool {
  if (!nonRoot()) return false;
  const controls = load<u32>(VMX_PRIMARY);
  if (!(controls & PrimaryControl.UseIoBitmaps)) return (controls & PrimaryControl.UnconditionalIoExiting) != 0;
  if (port + size > 2 * BITMAP_PORTS) return true;
  for (let p = port; p < port + size; p++) {
    const host = structureHost((p < BITMAP_PORTS ? load<u64>(VMX_IO_BITMAP_A)
      : load<u64>(VMX_IO_BITMAP_B)) + ((p & (BITMAP_PORTS - 1)) >> 3));
    if (host == 0 || ((load<u8>(host) >> (p & 7)) & 1) != 0) return true;
  }
  return false;
}
/** The exit qualification of I/O instructions. `bits`: what is neither size nor port. */
function ioQualification(port: u32, size: u32, bits: u64): u64 { return <u64>(size - 1) | bits | inField(IoAccess.PortNumber, port); }
/** Checks an I/O access. @returns false if the instruction left. `bits`: qualification bits besides size and port. */
function allowed(port: u32, size: u32, bits: u64): bool {
  checkPort(port, size);
  if (!portLeaves(port, size)) return true;
  vmExit(ExitReason.IoInstruction, ioQualification(port, size, bits));
  return false;
}
function input<T>(d: Reg, port: u32, bits: u64): void {
  if (allowed(port, sizeof<T>(), bits | IoAccess.DirectionOfAccess)) setReg<T>(d, <T>readPort(port, sizeof<T>()));
}
function output<T>(port: u32, s: Reg, bits: u64): void {
  if (allowed(port, sizeof<T>(), bits)) writePort(port, sizeof<T>(), <u32>reg<T>(s));
}
function readPort(port: u32, size: u32): u32 { watchPort(port, size); return portRead(port, size); }
function writePort(port: u32, size: u32, v: u32): void { watchPort(port, size); portWrite(port, size, v); }
/** IN, OUT with an immediate port or DX. */
export function IN_IMM<T>(d: Reg, port: u8): void { input<T>(d, <u32>port, IoAccess.OperandEncoding); }
export function IN_DX<T>(d: Reg, port: u16): void { input<T>(d, <u32>port, 0); }
export function OUT_IMM<T>(port: u8, s: Reg): void { output<T>(<u32>port, s, IoAccess.OperandEncoding); }
export function OUT_DX<T>(port: u16, s: Reg): void { output<T>(<u32>port, s, 0); }

@inline function step<T>(): i64 { return load<u64>(RFLAGS_SYSTEM) & Rflags.DirectionFlag ? -<i64>sizeof<T>() : <i64>sizeof<T>(); }
/** Goes on with the next element, one an instruction, so that interrupts are taken between elements. */
@inline function again<A>(rep: u32, rip: u64): void {
  if (!rep) return;
  const left = <A>(reg<A>(RCX) - 1);
  setReg<A>(RCX, left);
  if (left) repeatAt(rip, true);
}
function stringLeaves<A>(port: u32, size: u32, bits: u64, ea: u64, segment: u32): bool {
  checkPort(port, size);
  if (!portLeaves(port, size)) return false;
  store<u64>(GUEST_LINEAR_ADDRESS, reportedAddress(ea));
  vmExitInformation(ExitReason.IoInstruction, ioQualification(port, size, bits
    | IoAccess.StringInstruction), stringInformation<A>(segment));
  return true;
}
/** INS: ES:rDI := port DX. SDM 2A "INS/INSB/INSW/INSD". */
export function INS<T, A>(rep: u32, rip: u64): void {
  if (rep && reg<A>(RCX) == 0) return;
  const port = <u32>reg<u16>(RDX), ea = destination<A>();
  if (stringLeaves<A>(port, sizeof<T>(), IoAccess.DirectionOfAccess | (rep ? IoAccess.RepPrefixed : 0), ea, 0)) return;
  probe(ea, sizeof<T>(), sizeof<T>(), 1);
  write<T>(ea, <T>readPort(port, sizeof<T>()));
  setReg<A>(RDI, <A>(<u64>reg<A>(RDI) + step<T>()));
  again<A>(rep, rip);
}
/** OUTS: port DX := segment:rSI. */
export function OUTS<T, A>(rep: u32, segment: Reg, rip: u64): void {
  if (rep && reg<A>(RCX) == 0) return;
  const port = <u32>reg<u16>(RDX), ea = source<A>(segment);
  if (stringLeaves<A>(port, sizeof<T>(), rep ? IoAccess.RepPrefixed : 0, ea, segment)) return;
  writePort(port, sizeof<T>(), <u32>read<T>(ea));
  setReg<A>(RSI, <A>(<u64>reg<A>(RSI) + step<T>()));
  again<A>(rep, rip);
}
