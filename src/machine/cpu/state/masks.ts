// SPDX-License-Identifier: LGPL-2.1-only
// Sets of bits that more than one file asks for.
import { Dr7, InterruptibilityState, Rflags, STATUS_FLAGS } from "../generated/architecture";
import { DR7_ENABLES } from "../generated/contents";

/** The shadows of STI and MOV SS. SDM 3A "Masking Exceptions and Interrupts When Switching Stacks". */
@inline export const SHADOWS: u32 = InterruptibilityState.BlockingBySti | InterruptibilityState.BlockingByMovSs;
/** Enables of all breakpoints. */
@inline export const BREAKPOINTS_ENABLED: u64 = DR7_ENABLES;
/** Enables that a task switch clears. */
@inline export const LOCAL_BREAKPOINTS: u64 = Dr7.L0 | Dr7.L1 | Dr7.L2 | Dr7.L3 | Dr7.LocalExact;

/** Flags that POPF and IRET write at every CPL with every operand size. */
@inline export const USER_FLAGS: u64 = STATUS_FLAGS | Rflags.TrapFlag | Rflags.DirectionFlag | Rflags.NestedTask;
/** Flags that only IRET with an operand of 32 or 64 bits writes at every CPL. */
@inline export const WIDE_FLAGS: u64 = Rflags.ResumeFlag | Rflags.AlignmentCheckAccessControl | Rflags.IdFlag;
@inline export const VIRTUAL_INTERRUPT_FLAGS: u64 = Rflags.VirtualInterruptFlag | Rflags.VirtualInterruptPending;
/** Every flag that is not constant. */
@inline export const ALL_FLAGS: u64 = USER_FLAGS | WIDE_FLAGS | VIRTUAL_INTERRUPT_FLAGS | Rflags.InterruptEnableFlag
  | Rflags.PrivilegeLevel | Rflags.Virtual8086Mode;
/** VIF is so many bits above IF. */
@inline export const VIF_ABOVE_IF: u64 = 10;
