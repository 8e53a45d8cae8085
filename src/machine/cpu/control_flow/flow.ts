// SPDX-License-Identifier: LGPL-2.1-only
// Near branches: SDM Volume 1 "Control Transfer Instructions". The run loop follows direct branches and checks their targets; here are the
// conditions, the return addresses and the indirect targets. LOOP and CALL change state, so they check the target themselves. T is the
// operand size, A the width of the stack pointer (of the counter for LOOP and JrCXZ).
import { refuse, segmented, value } from "../memory/access";
import { CF, OF, PF, SF, ZF } from "../state/flags";
import { RCX, CS_LIMIT } from "../generated/layout";
import { moveStackPointer, peek, push } from "../integer/stack";
import { GP } from "../generated/architecture";
import { jump } from "../state/instruction";
import { reg, setReg } from "../state/registers";

/**
 * A target that is not canonical, or beyond CS's limit, faults in the branch, before anything has changed. SDM 2A "JMP—Jump", exceptions.
 */
@inline function checkTarget<T>(target: u64): void {
  if (sizeof<T>() == 8) { if (((<i64>target << 16) >> 16) != <i64>target) refuse(GP, 0); }
  else { if (segmented()) { if (target > <u64>load<u32>(CS_LIMIT)) refuse(GP, 0); } }
}

/** JO. SDM 2A "Jcc—Jump if Condition Is Met". */
@inline export function JO(): bool { return OF(); }
/** JNO. */
@inline export function JNO(): bool { return !OF(); }
/** JB, JC, JNAE. */
@inline export function JB(): bool { return CF(); }
/** JNB, JAE, JNC. */
@inline export function JNB(): bool { return !CF(); }
/** JZ, JE. */
@inline export function JZ(): bool { return ZF(); }
/** JNZ, JNE. */
@inline export function JNZ(): bool { return !ZF(); }
/** JBE, JNA. */
@inline export function JBE(): bool { return CF() || ZF(); }
/** JNBE, JA. */
@inline export function JNBE(): bool { return !(CF() || ZF()); }
/** JS. */
@inline export function JS(): bool { return SF(); }
/** JNS. */
@inline export function JNS(): bool { return !SF(); }
/** JP, JPE. */
@inline export function JP(): bool { return PF(); }
/** JNP, JPO. */
@inline export function JNP(): bool { return !PF(); }
/** JL, JNGE. */
@inline export function JL(): bool { return SF() != OF(); }
/** JNL, JGE. */
@inline export function JNL(): bool { return SF() == OF(); }
/** JLE, JNG. */
@inline export function JLE(): bool { return ZF() || SF() != OF(); }
/** JNLE, JG. */
@inline export function JNLE(): bool { return !ZF() && SF() == OF(); }

/** Counts down and decides; a target that faults leaves the counter. */
@inline function countDown<T, A>(condition: bool, target: u64): bool {
  const n = <A>(reg<A>(RCX) - 1), taken = n != 0 && condition;
  if (taken) checkTarget<T>(<u64><T>target);
  setReg<A>(RCX, n);
  return taken;
}
/** LOOP: the counter is as wide as addresses are; no flag changes. SDM 2A "LOOP/LOOPcc—Loop According to ECX Counter". */
@inline export function LOOP<T, A>(target: u64): bool { return countDown<T, A>(true, target); }
/** LOOPE, LOOPZ. */
@inline export function LOOPE<T, A>(target: u64): bool { return countDown<T, A>(ZF(), target); }
/** LOOPNE, LOOPNZ. */
@inline export function LOOPNE<T, A>(target: u64): bool { return countDown<T, A>(!ZF(), target); }
/** JCXZ, JECXZ, JRCXZ. SDM 2A "Jcc—Jump if Condition Is Met". */
@inline export function JCXZ<A>(): bool { return reg<A>(RCX) == 0; }

/** CALL rel: pushes the address of the next instruction. SDM 2A "CALL—Call Procedure". */
@inline export function CALL<T, A>(next: u64, target: u64): void {
  checkTarget<T>(<u64><T>target);
  push<T, A>(<T>next);
}
/** CALL r/m: the target is read, and checked, before the push. */
@inline export function CALL_INDIRECT<T, A, S>(s: S, next: u64): void {
  const target = <u64>value<T, S>(s);
  checkTarget<T>(target);
  push<T, A>(<T>next);
  jump(target);
}
/** JMP r/m. SDM 2A "JMP—Jump". */
@inline export function JMP_INDIRECT<T, S>(s: S): void {
  const target = <u64>value<T, S>(s);
  checkTarget<T>(target);
  jump(target);
}
/** RET. SDM 2B "RET—Return From Procedure". */
@inline export function RET<T, A>(): void {
  const target = <u64>peek<T, A>(0);
  checkTarget<T>(target);
  moveStackPointer<A>(sizeof<T>());
  jump(target);
}
/** RET imm16: releases parameters. */
@inline export function RET_RELEASE<T, A>(bytes: i64): void {
  const target = <u64>peek<T, A>(0);
  checkTarget<T>(target);
  moveStackPointer<A>(sizeof<T>() + bytes);
  jump(target);
}
