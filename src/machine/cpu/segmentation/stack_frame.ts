// SPDX-License-Identifier: LGPL-2.1-only
// The stack pointer, and the frames that interrupts and call gates push in protected mode: SDM 3A "Stack Switching", "Exception- or
// Interrupt-Handler Procedures".
import { linear, write } from "../memory/access";
import { RSP, SS, STACK_MASK, SS_LIMIT, SS_RIGHTS } from "../generated/layout";
import { writeSystem } from "../memory/system_access";
import { AccessRights, SS_FAULT, SegmentTypeBit } from "../generated/architecture";
import { raiseCode } from "../events/raise";
import { setReg, reg } from "../state/registers";

/** Writes RSP, ESP or SP as the stack's width has it. */
export function setStackPointer(v: u64): void {
  const mask = load<u64>(STACK_MASK);
  if (mask == 0xffff) setReg<u16>(<u32>RSP, <u16>v); else setReg<u64>(<u32>RSP, v & mask);
}

let frameSp: u64 = 0;
let frameBase: u64 = 0;
let frameMask: u64 = 0;
let frameSystem: bool = false;
/** Begins a frame on a stack whose room is checked. `system`: written with supervisor privilege. */
export function frameBegin(sp: u64, base: u64, rights: u32, system: bool): void {
  frameMask = rights & AccessRights.Db ? 0xffffffff : 0xffff;
  frameSp = sp & frameMask;
  frameBase = base;
  frameSystem = system;
}
/** Pushes 4 or 2 bytes of a frame. */
export function framePush(v: u32, wide: bool): void {
  frameSp = (frameSp - (wide ? 4 : 2)) & frameMask;
  const at = <u64><u32>(frameBase + frameSp);
  if (frameSystem) { if (wide) writeSystem<u32>(at, v); else writeSystem<u16>(at, <u16>v); }
  else { linear(SS, 0); if (wide) write<u32>(at, v); else write<u16>(at, <u16>v); }
}
export function frameEnd(): u64 { return frameSp; }
/** Same-privilege frames: #SS(0) if the current stack has no room. */
export function checkStackRoomCurrent(bytes: u32): void {
  const limit = load<u32>(SS_LIMIT), rights = load<u32>(SS_RIGHTS), mask = <u32>load<u64>(STACK_MASK), sp = <u32>reg<u64>(<u32>RSP) & mask;
  const first = (sp - bytes) & mask, last = (sp - 1) & mask;
  const top: u32 = rights & AccessRights.Db ? 0xffffffff : 0xffff;
  const fits = rights & SegmentTypeBit.ExpandDown ? first > limit && last <= top : first <= last ? last <= limit : limit == 0xffffffff;
  if (!fits) raiseCode(SS_FAULT, 0);
}
