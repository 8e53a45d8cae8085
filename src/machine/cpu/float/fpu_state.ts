// SPDX-License-Identifier: LGPL-2.1-only
// Whether x87, MMX and SSE instructions may run, and the state that they share.
// SDM 3A "Setting the x87 FPU ... Flags", "Emulation/Exceptions of SSE", SDM 1 "MMX: effect on the x87 state".
import { CR0, CR4, MXCSR, X87_STATUS, X87_TAGS, X87_FERR } from "../generated/layout";
import { Cr0, Cr4, UD, NM, MF, XM, GP, X87Status } from "../generated/architecture";
import { raise, raiseCode, waitForInterrupt } from "../events/raise";

/** The level of FERR#. @returns whether IGNNE# is asserted. */
@external("env", "numericError") declare function numericError(asserted: u32): u32;

// Marker of the template build: the interpreter raises what is to be raised.
@external("t", "bail") declare function tBail(): void;

/** x87 status word: exception summary. */
@inline export const X87_SUMMARY: u32 = X87Status.ErrorSummary;

/** Before every SSE instruction: #UD when CR0.EM = 1 or CR4.OSFXSR = 0, #NM when CR0.TS = 1. */
@inline export function sseCheck(): void {
  if ((load<u32>(CR0) & (Cr0.Emulation | Cr0.TaskSwitched)) | (~load<u32>(CR4) & Cr4.Osfxsr)) {
    if (isDefined(TEMPLATE)) tBail(); else sseUnavailable();
  }
}
function sseUnavailable(): void {
  if ((load<u32>(CR0) & Cr0.Emulation) || !(load<u32>(CR4) & Cr4.Osfxsr)) raise(UD);
  raise(NM);
}

/** Before every MMX instruction: #UD when CR0.EM = 1, #NM when CR0.TS = 1, then a pending x87 exception (#MF). */
@inline export function mmxCheck(): void {
  if ((load<u32>(CR0) & (Cr0.Emulation | Cr0.TaskSwitched)) | (load<u32>(X87_STATUS) & X87_SUMMARY)) {
    if (isDefined(TEMPLATE)) tBail(); else mmxUnavailable();
  }
}
function mmxUnavailable(): void {
  const cr0 = load<u32>(CR0);
  if (cr0 & Cr0.Emulation) raise(UD);
  if (cr0 & Cr0.TaskSwitched) raise(NM);
  pendingX87();
}

/** An MMX instruction that touched a register: TOP = 0, all registers valid. */
@inline export function mmxBegin(): void {
  store<u32>(X87_STATUS, load<u32>(X87_STATUS) & ~X87Status.Top);
  store<u32>(X87_TAGS, 0xff);
}

/** Before every x87 instruction that may not run with CR0.EM or CR0.TS set: #NM. */
@inline export function x87Available(): void { if (load<u32>(CR0) & (Cr0.Emulation | Cr0.TaskSwitched)) raise(NM); }

/** Before every waiting x87 instruction: #NM by CR0.EM/TS, then a pending unmasked exception. */
@inline export function x87Check(): void {
  if ((load<u32>(CR0) & (Cr0.Emulation | Cr0.TaskSwitched)) | (load<u32>(X87_STATUS) & X87_SUMMARY)) x87Unavailable();
}
function x87Unavailable(): void {
  x87Available();
  pendingX87();
}

/** FWAIT: #NM only when CR0.MP and CR0.TS are both set. */
export function waitCheck(): void {
  const cr0 = load<u32>(CR0);
  if ((cr0 & (Cr0.MonitorCoprocessor | Cr0.TaskSwitched)) == (Cr0.MonitorCoprocessor | Cr0.TaskSwitched)) raise(NM);
  if (load<u32>(X87_STATUS) & X87_SUMMARY) pendingX87();
}

/**
 * A pending unmasked x87 exception: #MF when CR0.NE = 1. Otherwise the processor asserts FERR#, from which the PC raises IRQ 13, and waits
 * for that interrupt, unless the PC asserts IGNNE#. SDM 3A "MS-DOS Compatibility" of the x87 FPU.
 */
function pendingX87(): void {
  if (load<u32>(CR0) & Cr0.NumericError) raise(MF);
  store<u32>(X87_FERR, 1);
  if (!numericError(1)) waitForInterrupt();
}
/** After the status or control word was written: FERR# is no longer asserted if no unmasked error is left. */
export function numericErrorMayEnd(): void {
  if (!load<u32>(X87_FERR) || (load<u32>(X87_STATUS) & X87_SUMMARY) != 0) return;
  store<u32>(X87_FERR, 0);
  numericError(0);
}

/** A numeric exception of an SSE instruction that MXCSR does not mask: #XM, or #UD when the system does not handle it. */
export function simdException(): void { raise(load<u32>(CR4) & Cr4.Osxmmexcpt ? XM : UD); }

/** #GP(0) for a 16-byte operand that is not aligned. */
@inline export function aligned16(ea: u64): void {
  if (<u32>ea & 15) { if (isDefined(TEMPLATE)) tBail(); else raiseCode(GP, 0); }
}

/** Bits of MXCSR that exist. */
@inline export const MXCSR_MASK: u32 = 0xffff;
/** #GP(0) when a new MXCSR sets a reserved bit. */
export function checkMxcsr(v: u32): void { if (v & ~MXCSR_MASK) raiseCode(GP, 0); }
/** Rounding control of SSE. */
@inline export function sseRounding(): u32 { return load<u32>(MXCSR) >> 13 & 3; }
