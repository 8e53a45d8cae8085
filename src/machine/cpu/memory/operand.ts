// SPDX-License-Identifier: LGPL-2.1-only
// The slow path of every access: canonical addresses, segment limits, alignment checks, data breakpoints, page crossings, devices, pages
// with decoded code. SDM 3A "Paging", SDM 1 "Alignment of Words, Doublewords, Quadwords, and Double Quadwords".
import {
  CURRENT_RECORD, DECODE_CODE, DECODE_CODE64, DECODE_MODE, DECODE_SEGMENTED, DR7, PAGE_MAP, RAM, RAM_BYTES,
  CARVE_OUT_GIB,
} from "../generated/layout";
import { FLUSH, NONE, PAGE, READ, SEGMENT_CHECK, WRITE } from "../state/access_kind";
import { watch, watched } from "../events/breakpoints";
import { canonical, resolve, translate, walkFlags } from "../translation/paging";
import { AC, GP, SS_FAULT } from "../generated/architecture";
import { RecordField, RecordFlag } from "../generated/record_format";
import { holdsCode } from "../code/code_pages";
import { ADDRESS } from "../code/record";
import { raiseCode } from "../events/raise";
import { checkSegmentAccess } from "./segment_check";
import { bounce } from "../physical/physical_memory";
import { accessedHost, markDirty } from "../physical/ram";
import { isApicAccess, openApicPage } from "../virtual_apic/apic_access";
import { alignmentChecked } from "../state/mode";
import { isMonitored, noteWrite } from "../state/monitored_line";
import { context, dataTlb, slot } from "../tlb/context";
import { claim, giveBack, translates } from "../tlb/tlb";
import { BREAKPOINTS_ENABLED } from "../state/masks";
import { watchesAccesses } from "../state/debugger_stops";
import { watchAccess } from "../physical/watchpoints";

/**
 * Stack references raise #SS(0) for a non-canonical address, all others #GP(0). The record says whether the memory operand is based on the
 * stack (bit 0) or the instruction uses the stack besides its operand (bit 1: PUSH, POP and CALL with memory; then what is not the operand
 * is the stack; records without a memory operand give a canonical address here).
 */
function nonCanonical(ea: u64): void {
  const record = load<u32>(CURRENT_RECORD), flags = record ? load<u8>(record, RecordField.Flags) : 0;
  raiseCode((flags & RecordFlag.DefaultStack) != 0 || ((flags & RecordFlag.StackInstruction) != 0 && ea != ADDRESS(record)) ? SS_FAULT
    : GP, 0);
}
/** True if writes to a page of RAM must come here: it holds decoded code or the line that MONITOR armed. */
function isWatched(page: u32): bool { return load<u32>(PAGE_MAP + page * 4) != 0 || isMonitored(page); }
/** One page: fills the TLB if it is plain RAM, else gives a bounce slot. */
export function openPage(ea: u64, size: u32, kind: u32, which: u32): usize {
  const e = slot(dataTlb(which), ea), page = ea & PAGE;
  if (kind == READ ? load<u64>(e) == page : load<u64>(e, 8) == page) return <usize>ea + <usize>load<u32>(e, 24);
  if (kind != READ && load<u64>(e, 16) == page) {
    const host = <usize>(<u32>ea + load<u32>(e, 24));
    const ram = load<u32>(RAM_BYTES), offset = <u32>(host - RAM);
    noteWrite(offset, size);
    if (!isWatched(offset >> 12)) giveBack(e, page);
    if (!holdsCode(offset, size)) { markDirty(host); return host; }
    return bounce(offset < ram ? <u64>offset : (<u64>CARVE_OUT_GIB << 30) + <u64>(offset - ram), 0, size, size, kind);
  }
  const pa = translate(ea, kind, which);
  if (isApicAccess(pa)) return openApicPage(pa, size, kind);
  const host = accessedHost(pa);
  if (!host) return bounce(pa, 0, size, size, kind);
  const plain = !watched(page);
  if (plain) claim(e, page, <u32>host - <u32>ea, walkFlags);
  if (kind == READ) return host;
  markDirty(host);
  const offset = <u32>(host - RAM);
  noteWrite(offset, size);
  if (isWatched(offset >> 12)) {
    if (plain) store<u64>(e, page, 16);
    return holdsCode(offset, size) ? bounce(pa, 0, size, size, kind) : host;
  }
  if (plain) store<u64>(e, page, 8);
  return host;
}
/** An operand in one or two pages. */
function openParts(ea: u64, last: u64, size: u32, kind: u32, which: u32): usize {
  if ((ea & PAGE) == (last & PAGE)) return openPage(ea, size, kind, which);
  const first = resolve(ea, kind, which), second = resolve(last & PAGE, kind, which);
  return bounce(first, second, 0x1000 - (<u32>ea & 0xfff), size, kind);
}
export function openPages(ea: u64, last: u64, size: u32, kind: u32, which: u32): usize {
  const host = openParts(ea, last, size, kind, which);
  if (watchesAccesses()) watchAccess(ea, size, kind, host);
  return host;
}
/** Outside 64-bit mode linear addresses have 32 bits: the later parts of an operand that begins below 4 GiB may be at its start. */
@inline function wrapped(ea: u64, mode: u32): u64 { return (mode & DECODE_CODE) == DECODE_CODE64 ? ea : <u64><u32>ea; }
/** Linear address of the last byte of an operand. Raises what its addresses and its segment raise. `ea`: wrapped. */
@inline function checkedLast(address: u64, ea: u64, size: u32, kind: u32, mode: u32): u64 {
  const last = ea + size - 1;
  if ((mode & DECODE_CODE) == DECODE_CODE64) {
    if (!canonical(ea) || !canonical(last)) nonCanonical(ea);
    return last;
  }
  if ((mode & DECODE_SEGMENTED) != 0 || (address & SEGMENT_CHECK) != 0) checkSegmentAccess(ea, size, kind);
  return last & 0xffffffff;
}
/** Place of an ordinary operand that missed the TLB; faults. */
export function openSlow(address: u64, size: u32, kind: u32): usize {
  const mode = load<u32>(DECODE_MODE), ea = wrapped(address, mode), last = checkedLast(address, ea, size, kind, mode);
  if (size <= 8 && (ea & (size - 1)) != 0 && alignmentChecked()) raiseCode(AC, 0);
  if (load<u64>(DR7) & BREAKPOINTS_ENABLED) watch(ea, size, kind);
  return openPages(ea, last, size, kind, context);
}
/** Raises what an access to a page would raise. */
function probePage(ea: u64, kind: u32): void {
  if (!translates(slot(dataTlb(context), ea), ea & PAGE, kind == WRITE)) resolve(ea, kind, context);
}
/** See `probe` of access.ts. */
export function probeSlow(address: u64, size: u32, alignment: u32, write: u32): void {
  const mode = load<u32>(DECODE_MODE), ea = wrapped(address, mode), kind = write ? WRITE : READ,
    last = checkedLast(address, ea, size, kind, mode);
  if ((ea & (alignment - 1)) != 0 && alignmentChecked()) raiseCode(AC, 0);
  for (let at = ea; ; at = ((at & PAGE) + 0x1000) & ((mode & DECODE_CODE) == DECODE_CODE64 ? NONE : 0xffffffff)) {
    probePage(at, kind);
    if ((at & PAGE) == (last & PAGE)) return;
  }
}
/** See `flushLine` of access.ts. */
export function flushSlow(address: u64): void {
  const mode = load<u32>(DECODE_MODE), ea = wrapped(address, mode);
  checkedLast(address, ea, 1, FLUSH, mode);
  if (load<u64>(DR7) & BREAKPOINTS_ENABLED) watch(ea, 1, READ);
  probePage(ea, READ);
}
