// SPDX-License-Identifier: LGPL-2.1-only
// Descriptors, and the segment registers that are filled from them: SDM 3A "Segment Descriptors", "Segment Registers". A raw descriptor is
// the u64 of the table; access rights are kept in the VMCS's format.
import { raiseCode } from "../events/raise";
import {
  AccessRights, SS_FAULT, ResetState, SegmentSelector, SegmentTypeBit, SystemSegmentBit,
} from "../generated/architecture";
import {
  CS, ES_BASE, ES_LIMIT, ES_RIGHTS, ES_SELECTOR, GDTR_BASE, GDTR_LIMIT, LDTR, LDTR_BASE, LDTR_LIMIT, LDTR_RIGHTS, SS,
} from "../generated/layout";
import { readSystem, writeSystem } from "../memory/system_access";
import { inVm86 } from "../state/mode";
import { atDpl, errorOf, rplOf } from "../state/rights";
import { storeBase } from "../state/watched_msr";

/** Where a raw descriptor's access rights begin, as a bit and as a byte, and which bits of them it has. */
@inline const DESCRIPTOR_RIGHTS: u64 = 40;
@inline export const RIGHTS_BYTE: u64 = DESCRIPTOR_RIGHTS / 8;
@inline const TYPE_TO_PRESENT: u32 = AccessRights.Type | AccessRights.S | AccessRights.Dpl | AccessRights.Present;
@inline const RIGHTS_BITS: u32 = TYPE_TO_PRESENT | AccessRights.Avl | AccessRights.L | AccessRights.Db | AccessRights.Granularity;
/** What LAR shows of a descriptor's upper half: its rights. SDM 2A "LAR—Load Access Rights Byte". */
@inline export const LAR_BITS: u64 = <u64>RIGHTS_BITS << (DESCRIPTOR_RIGHTS - 32);
/** The busy bit of a TSS's raw descriptor. */
@inline export const BUSY: u64 = <u64>SystemSegmentBit.Busy << DESCRIPTOR_RIGHTS;
/** S and type of the upper half of a 16-byte descriptor, which must be 0. SDM 3A "System Descriptors in 64-bit Mode". */
@inline export const UPPER_KIND: u64 = <u64>(AccessRights.S | AccessRights.Type) << DESCRIPTOR_RIGHTS;
/** The rights of all segments in virtual-8086 mode: a data segment of privilege level 3 that can be written. */
@inline const VM86_RIGHTS: u32 = <u32>ResetState.DataRights | AccessRights.Dpl;

/** Bits 19:16 of the limit, in the upper half of a descriptor. */
@inline const LIMIT_HIGH: u32 = 0xf0000;

/** The selector in a gate, and its offset: 16 bits, or the lower 32. SDM 3A "IDT Descriptors", "Call Gates". */
export function selectorOfGate(raw: u64): u32 { return <u32>(raw >> 16) & 0xffff; }
export function gateOffset(raw: u64, wide: bool): u64 { return (raw & 0xffff) | (wide ? (raw >> 32) & 0xffff0000 : 0); }
/** Segment base of a raw descriptor (bits 31:0). */
export function baseOf(raw: u64): u64 { return ((raw >> 16) & 0xffffff) | ((raw >> 32) & 0xff000000); }
/** Limit in bytes of a raw descriptor, granularity applied. */
export function limitOf(raw: u64): u32 {
  const limit = <u32>(raw & 0xffff) | (<u32>(raw >> 32) & LIMIT_HIGH);
  return rightsOf(raw) & AccessRights.Granularity ? (limit << 12) | 0xfff : limit;
}
/** Access rights of a raw descriptor in the VMCS's format. */
export function rightsOf(raw: u64): u32 { return <u32>(raw >> DESCRIPTOR_RIGHTS) & RIGHTS_BITS; }

/** Linear address of a selector's descriptor, or all ones if it lies outside its table. */
export function descriptorAddress(selector: u32, bytes: u32): u64 {
  const offset = selector & SegmentSelector.Index;
  if (selector & SegmentSelector.Ti) {
    if ((load<u32>(LDTR_RIGHTS) & AccessRights.Unusable) != 0 || offset + bytes - 1 > load<u32>(LDTR_LIMIT)) return ~(<u64>0);
    return load<u64>(LDTR_BASE) + offset;
  }
  if (offset + bytes - 1 > load<u32>(GDTR_LIMIT)) return ~(<u64>0);
  return load<u64>(GDTR_BASE) + offset;
}
/** The raw descriptor of a selector; outside the table: `vector` with the selector. */
export function fetchDescriptor(selector: u32, vector: u32): u64 {
  const at = descriptorAddress(selector, 8);
  if (at == ~(<u64>0)) raiseCode(vector, errorOf(selector));
  return readSystem<u64>(at);
}
/** Upper half of a 16-byte descriptor of IA-32e mode. */
export function fetchUpper(selector: u32, vector: u32): u64 {
  const at = descriptorAddress(selector, 16);
  if (at == ~(<u64>0)) raiseCode(vector, errorOf(selector));
  return readSystem<u64>(at + 8);
}
/** Sets the accessed bit of a code or data descriptor that was read. */
export function markAccessed(selector: u32, raw: u64): void {
  if (rightsOf(raw) & SegmentTypeBit.Accessed) return;
  writeSystem<u8>(descriptorAddress(selector, 8) + RIGHTS_BYTE, <u8>(rightsOf(raw) | SegmentTypeBit.Accessed));
}
/** Fills a segment register from a raw descriptor. */
export function setSegment(segment: u32, selector: u32, raw: u64): void {
  store<u32>(ES_SELECTOR + segment * 4, selector);
  storeBase(segment, ES_BASE + segment * 8, baseOf(raw));
  store<u32>(ES_LIMIT + segment * 4, limitOf(raw));
  store<u32>(ES_RIGHTS + segment * 4, rightsOf(raw) | (segment < LDTR ? SegmentTypeBit.Accessed : 0));
}
/** Makes a segment register null. SS in 64-bit mode keeps its DPL for VM entry's rules. */
export function setNull(segment: u32, selector: u32): void {
  store<u32>(ES_SELECTOR + segment * 4, selector);
  storeBase(segment, ES_BASE + segment * 8, 0);
  store<u32>(ES_LIMIT + segment * 4, 0);
  store<u32>(ES_RIGHTS + segment * 4, segment == SS ? atDpl(AccessRights.Unusable, rplOf(selector)) : AccessRights.Unusable);
}
/**
 * Real-address and virtual-8086 mode: base = selector × 16. Limit and rights stay in real mode ("unreal" mode), are fixed in virtual-8086
 * mode.
 */
export function loadRealSegment(segment: u32, selector: u32): void {
  store<u32>(ES_SELECTOR + segment * 4, selector);
  storeBase(segment, ES_BASE + segment * 8, <u64>selector << 4);
  if (inVm86()) { store<u32>(ES_LIMIT + segment * 4, 0xffff); store<u32>(ES_RIGHTS + segment * 4, VM86_RIGHTS); }
  else if (segment == CS)
    store<u32>(ES_RIGHTS + segment * 4, (load<u32>(ES_RIGHTS + segment * 4) & ~TYPE_TO_PRESENT) | <u32>ResetState.DataRights);
  else if (load<u32>(ES_RIGHTS + segment * 4) & AccessRights.Unusable) {
    store<u32>(ES_RIGHTS + segment * 4, <u32>ResetState.DataRights);
    store<u32>(ES_LIMIT + segment * 4, <u32>ResetState.Limit);
  }
}

/** #SS or #GP if bytes sp − bytes … sp − 1 do not lie in the stack segment of a raw descriptor. */
export function checkStackRoom(raw: u64, sp: u64, bytes: u32, code: u32): void {
  const rights = rightsOf(raw), limit = limitOf(raw), mask: u32 = rights & AccessRights.Db ? 0xffffffff : 0xffff;
  const first = (<u32>sp - bytes) & mask, last = (<u32>sp - 1) & mask;
  const fits = rights & SegmentTypeBit.ExpandDown ? first > limit && last <= mask : first <= last ? last <= limit : limit == 0xffffffff;
  if (!fits) raiseCode(SS_FAULT, code);
}
