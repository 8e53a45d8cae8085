// SPDX-License-Identifier: LGPL-2.1-only
// XSAVE feature set for x87 and SSE state (XCR0 = 3). SDM 1 "Managing State Using the XSAVE Feature Set", SDM 2 "XSAVE", "XSAVEOPT",
// "XSAVEC", "XRSTOR", "XGETBV".
import { read, write, probe } from "../memory/access";
import {
  RAX, RDX, RCX, CR0, CR4, XCR0, MXCSR, XMM, X87_CONTROL, X87_STATUS, X87_TAGS, X87_OPCODE, X87_IP, X87_DP,
  X87_REGISTERS,
} from "../generated/layout";
import { checkMxcsr } from "../float/fpu_state";
import { initialise } from "../x87/x87_control";
import { UD, NM, GP, Cr0, Cr4, InitialConfiguration, XcompBvHigh, Xcr0, XsaveArea } from "../generated/architecture";
import { raise, raiseCode } from "../events/raise";
import { Mem, reg, setReg } from "../state/registers";
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
function requested(): u64 { return (<u64>reg<u32>(RDX) << 32 | <u64>reg<u32>(RAX)) & load<u64>(XCR0); }
/** #UD without CR4.OSXSAVE, #NM with CR0.TS, #GP unless aligned to 64 bytes. */
function check(ea: Mem): void {
  if (!(load<u32>(CR4) & Cr4.Osxsave)) raise(UD);
  if (load<u32>(CR0) & Cr0.TaskSwitched) raise(NM);
  if (<u32>ea & (ALIGNMENT - 1)) raiseCode(GP, 0);
}

/** Writes the chosen components in legacy order; XSAVE saves them also when unused, the others (`skip`) do not. */
function save(ea: Mem, wide: bool, skip: bool, compacted: bool): void {
  check(ea);
  probe(ea, AREA, 1, 1);
  const rfbm = requested();
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
export function XSAVE<T>(ea: Mem): void { save(ea, sizeof<T>() == 8, false, false); }
export function XSAVEOPT<T>(ea: Mem): void { save(ea, sizeof<T>() == 8, true, false); }
export function XSAVEC<T>(ea: Mem): void { save(ea, sizeof<T>() == 8, true, true); }

/** XRSTOR. SDM 2D "XRSTOR—Restore Processor Extended States". */
export function XRSTOR<T>(ea: Mem): void {
  check(ea);
  probe(ea, AREA, 1, 0);
  const rfbm = requested(), present = read<u64>(ea + XsaveArea.XstateBv), layout = read<u64>(ea + XsaveArea.XcompBv),
    xcr0 = load<u64>(XCR0);
  const compacted = (layout & COMPACTED) != 0;
  let bad = compacted ? (layout & ~(xcr0 | COMPACTED)) | (present & ~layout) : (present & ~xcr0) | layout
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
    if (present & X87) loadX87(ea, sizeof<T>() == 8);
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
