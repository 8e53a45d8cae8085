// SPDX-License-Identifier: LGPL-2.1-only
// XSAVE feature set for x87 and SSE state (XCR0 = 3). SDM 1 "Managing State Using the XSAVE Feature Set", SDM 2 "XSAVE", "XSAVEOPT",
// "XSAVEC", "XSAVES", "XRSTOR", "XRSTORS", "XGETBV".
import { read, write, probe } from "../memory/access";
import {
  RAX, RDX, RCX, CR0, CR4, XCR0, XSS, MXCSR, XMM, X87_CONTROL, X87_STATUS, X87_TAGS, X87_OPCODE, X87_IP, X87_DP,
  X87_REGISTERS, VMX_SECONDARY, VMX_XSS_EXITING,
} from "../generated/layout";
import { operandDisplacement, operandInformation } from "../decode/instruction_information";
import { supervisorOnly } from "../events/privilege";
import { checkMxcsr } from "../float/fpu_state";
import { initialise } from "../x87/x87_control";
import {
  UD, NM, GP, Cr0, Cr4, ExitReason, InitialConfiguration, SecondaryControl, XcompBvHigh, Xcr0, XsaveArea,
} from "../generated/architecture";
import { raise, raiseCode } from "../events/raise";
import { Mem, reg, setReg } from "../state/registers";
import { nonRoot } from "../state/mode";
import { vmExitInformation } from "../vmx/vmx";
import { storeX87, loadX87, storeMxcsr, storeXmm, loadXmm, xmmCount } from "./sse_state";

@inline const X87: u64 = Xcr0.X87;
@inline const SSE: u64 = Xcr0.Sse;
@inline const AREA: u32 = XsaveArea.Bytes;
@inline const COMPACTED: u64 = XcompBvHigh.Compacted << 32;
/** The area's alignment. */
@inline const ALIGNMENT: u32 = 64;

function isZero(at: usize, bytes: u32): bool {
  for (let i: u32 = 0; i < bytes; i += 8) if (load<u64>(at + i)) return false;
  return true;
}
/** XINUSE: components that are not in their initial configuration. */
export function inUse(): u64 {
  let bits: u64 = 0;
  if (load<u32>(X87_CONTROL) != InitialConfiguration.Fcw || load<u32>(X87_STATUS) || load<u32>(X87_TAGS) || load<u32>(X87_OPCODE)
    || load<u64>(X87_IP)
    || load<u64>(X87_DP)
    || !isZero(X87_REGISTERS, 128)) bits |= X87;
  if (!isZero(XMM, xmmCount() << 4)) bits |= SSE;
  return bits;
}
/** The components in EDX:EAX. */
function requested(): u64 { return <u64>reg<u32>(RDX) << 32 | <u64>reg<u32>(RAX); }
/** #UD without CR4.OSXSAVE, #NM with CR0.TS, #GP unless aligned to 64 bytes. */
function check(ea: Mem): void {
  if (!(load<u32>(CR4) & Cr4.Osxsave)) raise(UD);
  if (load<u32>(CR0) & Cr0.TaskSwitched) raise(NM);
  if (<u32>ea & (ALIGNMENT - 1)) raiseCode(GP, 0);
}

/** Writes the chosen components in legacy order; XSAVE saves them also when unused, the others (`skip`) do not. */
function save(ea: Mem, wide: bool, skip: bool, compacted: bool, enabled: u64): void {
  check(ea);
  probe(ea, AREA, 1, 1);
  const rfbm = requested() & enabled;
  let used = inUse();
  // XINUSE[1] does not count MXCSR, but the init optimisation does
  if (skip && load<u32>(MXCSR) != InitialConfiguration.Mxcsr) used |= SSE;
  const parts = skip ? rfbm & used : rfbm;
  if (parts & X87) storeX87(ea, wide);
  if (compacted ? parts & SSE : rfbm & SSE) storeMxcsr(ea);
  if (parts & SSE) storeXmm(ea);
  if (compacted) {
    write<u64>(ea + XsaveArea.XstateBv, rfbm & used);
    write<u64>(ea + XsaveArea.XcompBv, rfbm | COMPACTED);
  } else write<u64>(ea + XsaveArea.XstateBv, read<u64>(ea + XsaveArea.XstateBv) & ~rfbm | rfbm & used);
}
export function XSAVE<T>(ea: Mem): void { save(ea, sizeof<T>() == 8, false, false, load<u64>(XCR0)); }
export function XSAVEOPT<T>(ea: Mem): void { save(ea, sizeof<T>() == 8, true, false, load<u64>(XCR0)); }
export function XSAVEC<T>(ea: Mem): void { save(ea, sizeof<T>() == 8, true, true, load<u64>(XCR0)); }
/** The components of XSAVES and XRSTORS: the user's and the supervisor's. */
function supervised(): u64 { return load<u64>(XCR0) | load<u64>(XSS); }
/**
 * What comes before the operation of XSAVES and XRSTORS: #UD without CR4.OSXSAVE, or in non-root operation without "enable
 * XSAVES/XRSTORS"; #GP outside CPL 0; the exit for a supervisor component in the XSS-exiting bitmap. @returns false if it was left.
 */
function supervisorState(ea: Mem, reason: u32): bool {
  if (!(load<u32>(CR4) & Cr4.Osxsave)) raise(UD);
  if (nonRoot() && !(load<u32>(VMX_SECONDARY) & SecondaryControl.EnableXsavesXrstors)) raise(UD);
  supervisorOnly();
  if (!nonRoot() || !(requested() & load<u64>(XSS) & load<u64>(VMX_XSS_EXITING))) return true;
  vmExitInformation(reason, operandDisplacement<Mem>(), operandInformation<Mem>(ea));
  return false;
}
/** XSAVES: XSAVEC with supervisor components. It also writes components that have not changed since XRSTORS, which it need not. */
export function XSAVES<T>(ea: Mem): void {
  if (supervisorState(ea, ExitReason.Xsaves)) save(ea, sizeof<T>() == 8, true, true, supervised());
}

/** XRSTOR. SDM 2D "XRSTOR—Restore Processor Extended States". */
export function XRSTOR<T>(ea: Mem): void { restore(ea, sizeof<T>() == 8, load<u64>(XCR0), false); }
/** XRSTORS takes the compacted form only. SDM 2D "XRSTORS—Restore Processor Extended States Supervisor". */
export function XRSTORS<T>(ea: Mem): void {
  if (supervisorState(ea, ExitReason.Xrstors)) restore(ea, sizeof<T>() == 8, supervised(), true);
}
function restore(ea: Mem, wide: bool, enabled: u64, onlyCompacted: bool): void {
  check(ea);
  probe(ea, AREA, 1, 0);
  const rfbm = requested() & enabled, present = read<u64>(ea + XsaveArea.XstateBv), layout = read<u64>(ea + XsaveArea.XcompBv);
  const compacted = (layout & COMPACTED) != 0;
  if (onlyCompacted && !compacted) raiseCode(GP, 0);
  let bad = compacted ? (layout & ~(enabled | COMPACTED)) | (present & ~layout) : (present & ~enabled) | layout
    | read<u64>(ea + XsaveArea.HeaderReserved);
  // the compacted form requires all of bytes 63:16 to be 0, the standard form bytes 23:8
  if (compacted) for (let i: u32 = XsaveArea.HeaderReserved; i < AREA; i += 8) bad |= read<u64>(ea + i);
  if (bad) raiseCode(GP, 0);
  const loadsMxcsr = (rfbm & SSE) != 0 && (!compacted || (present & SSE) != 0);
  let mxcsr: u32 = InitialConfiguration.Mxcsr;
  if (loadsMxcsr) { mxcsr = read<u32>(ea + XsaveArea.Mxcsr); checkMxcsr(mxcsr); }
  if (rfbm & SSE) {
    store<u32>(MXCSR, mxcsr);
    if (present & SSE) loadXmm(ea);
    else memory.fill(XMM, 0, xmmCount() << 4);
  }
  if (rfbm & X87) {
    if (present & X87) loadX87(ea, wide);
    else { initialise(); memory.fill(X87_REGISTERS, 0, 128); }
  }
}

/** XGETBV: XCR0, or with ECX = 1 XCR0 AND XINUSE */
export function XGETBV(): void {
  if (!(load<u32>(CR4) & Cr4.Osxsave)) raise(UD);
  const index = reg<u32>(RCX);
  if (index > 1) raiseCode(GP, 0);
  const v = index ? load<u64>(XCR0) & inUse() : load<u64>(XCR0);
  setReg<u32>(RAX, <u32>v);
  setReg<u32>(RDX, <u32>(v >> 32));
}
