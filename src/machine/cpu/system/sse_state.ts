// SPDX-License-Identifier: LGPL-2.1-only
// MXCSR and the FXSAVE area. SDM 2 "LDMXCSR", "STMXCSR", "FXSAVE", "FXRSTOR"; SDM 1 "Legacy Region of an XSAVE Area".
import { read, write, probe } from "../memory/access";
import {
  CR0, CR4, MXCSR, XMM, X87_CONTROL, X87_STATUS, X87_TAGS, X87_OPCODE, X87_IP, X87_DP, X87_CS, X87_DS, MODE, MODE_64,
} from "../generated/layout";
import { sseCheck, checkMxcsr, MXCSR_MASK, aligned16 } from "../float/fpu_state";
import { st } from "../x87/x87_state";
import { setControl } from "../x87/x87_control";
import { canonical } from "../translation/paging";
import { NM, Cr0, Cr4, XsaveArea } from "../generated/architecture";
import { raise } from "../events/raise";
import { in64 } from "../state/mode";
import { Mem } from "../state/registers";

/** The bits of an x87 opcode that the area keeps. */
@inline const OPCODE_BITS: u32 = 0x7ff;
/** LDMXCSR: #GP(0) for reserved bits; STMXCSR */
@inline export function LDMXCSR(ea: Mem): void { sseCheck(); const v = read<u32>(ea); checkMxcsr(v); store<u32>(MXCSR, v); }
@inline export function STMXCSR(ea: Mem): void { sseCheck(); write<u32>(ea, load<u32>(MXCSR)); }

/** XMM registers that exist in the current mode. */
export function xmmCount(): u32 { return load<u32>(MODE) & MODE_64 ? 16 : 8; }

/** x87 part of the legacy region; `wide`: REX.W, 64-bit pointers instead of 32-bit ones with selectors. The area is probed already. */
export function storeX87(ea: Mem, wide: bool): void {
  write<u16>(ea + XsaveArea.Fcw, <u16>load<u32>(X87_CONTROL));
  write<u16>(ea + XsaveArea.Fsw, <u16>load<u32>(X87_STATUS));
  write<u16>(ea + XsaveArea.Ftw, <u16>load<u32>(X87_TAGS));
  write<u16>(ea + XsaveArea.Fop, <u16>load<u32>(X87_OPCODE));
  const ip = load<u64>(X87_IP), dp = load<u64>(X87_DP);
  write<u64>(ea + XsaveArea.Fip, wide ? ip : <u64><u32>ip | <u64>load<u32>(X87_CS) << 32);
  write<u64>(ea + XsaveArea.Fdp, wide ? dp : <u64><u32>dp | <u64>load<u32>(X87_DS) << 32);
  for (let i: u32 = 0; i < 8; i++) {
    write<u64>(ea + XsaveArea.St0 + (i << 4), load<u64>(st(i)));
    write<u64>(ea + XsaveArea.St0 + 8 + (i << 4), <u64>load<u16>(st(i), 8));
  }
}
export function loadX87(ea: Mem, wide: bool): void {
  const control = <u32>read<u16>(ea);
  store<u32>(X87_STATUS, <u32>read<u16>(ea + XsaveArea.Fsw));
  store<u32>(X87_TAGS, <u32>read<u8>(ea + XsaveArea.Ftw));
  store<u32>(X87_OPCODE, <u32>read<u16>(ea + XsaveArea.Fop) & OPCODE_BITS);
  const ip = read<u64>(ea + XsaveArea.Fip), dp = read<u64>(ea + XsaveArea.Fdp);
  store<u64>(X87_IP, wide ? ip : ip & 0xffffffff);
  store<u64>(X87_DP, wide ? dp : dp & 0xffffffff);
  store<u32>(X87_CS, 0); store<u32>(X87_DS, 0);
  setControl(control);
  for (let i: u32 = 0; i < 8; i++) {
    store<u64>(st(i), read<u64>(ea + XsaveArea.St0 + (i << 4)));
    store<u16>(st(i), read<u16>(ea + XsaveArea.St0 + 8 + (i << 4)), 8);
  }
}
export function storeMxcsr(ea: Mem): void { write<u64>(ea + XsaveArea.Mxcsr, <u64>load<u32>(MXCSR) | <u64>MXCSR_MASK << 32); }
export function storeXmm(ea: Mem): void {
  for (let i: u32 = 0, n = xmmCount(); i < n; i++) write<v128>(ea + XsaveArea.Xmm0 + (i << 4), load<v128>(XMM + (i << 4)));
}
export function loadXmm(ea: Mem): void {
  for (let i: u32 = 0, n = xmmCount(); i < n; i++) store<v128>(XMM + (i << 4), read<v128>(ea + XsaveArea.Xmm0 + (i << 4)));
}

/** Before FXSAVE and FXRSTOR: CR0.EM or TS raise #NM, alignment #GP; no x87 exception is reported. */
function check(ea: Mem): void {
  if (load<u32>(CR0) & (Cr0.Emulation | Cr0.TaskSwitched)) raise(NM);
  // an address that is not canonical faults first: #SS where the stack segment is meant
  if (in64() && !canonical(ea)) read<u8>(ea);
  aligned16(ea);
}
/** SSE state takes part only with CR4.OSFXSR. */
@inline function hasSse(): bool { return (load<u32>(CR4) & Cr4.Osfxsr) != 0; }

/** T = u64: REX.W, 64-bit pointers. Bytes 416–511 are not touched */
export function FXSAVE<T>(ea: Mem): void {
  check(ea);
  probe(ea, XsaveArea.LegacyBytes, 1, 1);
  storeX87(ea, sizeof<T>() == 8);
  if (hasSse()) { storeMxcsr(ea); storeXmm(ea); }
}
export function FXRSTOR<T>(ea: Mem): void {
  check(ea);
  probe(ea, XsaveArea.LegacyBytes, 1, 0);
  if (hasSse()) {
    const m = read<u32>(ea + XsaveArea.Mxcsr);
    checkMxcsr(m);
    store<u32>(MXCSR, m);
    loadXmm(ea);
  }
  loadX87(ea, sizeof<T>() == 8);
}
