// SPDX-License-Identifier: LGPL-2.1-only
// What mode the processor is in, and what must be looked at between instructions. mode_update.ts computes the word MODE. SDM 3A "Modes of
// Operation".
import {
  ATTENTION, ATTENTION_STEP, ATTENTION_WINDOW, CR0, DEBUG_TRAPS, DR7, INTERRUPTIBILITY, MODE, MODE_64, MODE_LONG,
  MODE_PROTECTED, MODE_VM86, RFLAGS_SYSTEM, VMX_MODE, VMX_MTF_PENDING, VMX_PRIMARY, CPL,
} from "../generated/layout";
import { Rflags, Cr0, PrimaryControl, VmxMode } from "../generated/architecture";
import { BREAKPOINTS_ENABLED, SHADOWS } from "../state/masks";

/** 64-bit mode. */
@inline export function in64(): bool { return (load<u32>(MODE) & MODE_64) != 0; }
/** IA-32e mode (64-bit or compatibility). */
@inline export function inLong(): bool { return (load<u32>(MODE) & MODE_LONG) != 0; }
/** Protected mode, not virtual-8086. */
@inline export function inProtected(): bool { return (load<u32>(MODE) & MODE_PROTECTED) != 0; }
@inline export function inVm86(): bool { return (load<u32>(MODE) & MODE_VM86) != 0; }
/** VMX non-root operation. */
@inline export function nonRoot(): bool { return load<u32>(VMX_MODE) == VmxMode.NonRoot; }

/** Recomputes whether every boundary must be looked at: after changes of TF, RF, DR7, shadows, pending traps, VM entry. */
export function updateAttention(): void {
  const guest = nonRoot();
  const step = (load<u64>(RFLAGS_SYSTEM) & (Rflags.TrapFlag | Rflags.ResumeFlag)) | (load<u64>(DR7) & BREAKPOINTS_ENABLED)
    | <u64>(load<u32>(INTERRUPTIBILITY) & SHADOWS) | load<u64>(DEBUG_TRAPS)
    | (guest ? <u64>(load<u32>(VMX_PRIMARY) & PrimaryControl.MonitorTrapFlag) | <u64>load<u32>(VMX_MTF_PENDING) : 0);
  let attention = load<u32>(ATTENTION) & ~(ATTENTION_STEP | ATTENTION_WINDOW);
  if (step) attention |= ATTENTION_STEP;
  if (guest && (load<u32>(VMX_PRIMARY) & (PrimaryControl.InterruptWindowExiting
    | PrimaryControl.NmiWindowExiting)) != 0) attention |= ATTENTION_WINDOW;
  store<u32>(ATTENTION, attention);
}
/** CR0.AM, EFLAGS.AC and CPL 3. */
@inline export function alignmentChecked(): bool {
  return (load<u32>(CR0) & Cr0.AlignmentMask) != 0 && (load<u64>(RFLAGS_SYSTEM) & Rflags.AlignmentCheckAccessControl) != 0
    && load<u32>(CPL) == 3;
}
/** True if a trap may follow each iteration of a repeated string instruction: by TF, breakpoints. */
export function guestTrapsBetweenIterations(): bool {
  return ((load<u64>(RFLAGS_SYSTEM) & Rflags.TrapFlag) | (load<u64>(DR7) & BREAKPOINTS_ENABLED)) != 0;
}
/** True if a trap or an MTF VM exit may follow each iteration of a repeated string instruction. */
export function trapsBetweenIterations(): bool {
  return guestTrapsBetweenIterations()
    || (nonRoot() && (load<u32>(VMX_PRIMARY) & PrimaryControl.MonitorTrapFlag) != 0);
}
