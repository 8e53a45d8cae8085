// SPDX-License-Identifier: LGPL-2.1-only
// The parts of selectors and of access rights, which are kept in the VMCS's format. SDM 3A "Segment Selectors", "Segment Descriptors".
import { AccessRights, SegmentSelector, SegmentTypeBit } from "../generated/architecture";

/** The part of a selector that names a descriptor: the error code of a fault that the descriptor causes. */
@inline export function errorOf(selector: u32): u32 { return selector & (SegmentSelector.Index | SegmentSelector.Ti); }
@inline export function isNull(selector: u32): bool { return errorOf(selector) == 0; }
@inline export function rplOf(selector: u32): u32 { return selector & SegmentSelector.Rpl; }
@inline export function withRpl(selector: u32, rpl: u32): u32 { return errorOf(selector) | rpl; }

/** The privilege level of a segment or gate. */
@inline export function dplOf(rights: u32): u32 { return (rights & AccessRights.Dpl) >> 5; }
/** Rights without a privilege level, at one. */
@inline export function atDpl(rights: u32, dpl: u32): u32 { return rights | (dpl << 5); }
/** The type with the S bit: of system segments and gates the number in SystemSegment. */
@inline export function kindOf(rights: u32): u32 { return rights & (AccessRights.S | AccessRights.Type); }
@inline export function isPresent(rights: u32): bool { return (rights & AccessRights.Present) != 0; }
@inline export function isCodeSegment(rights: u32): bool {
  return (rights & (AccessRights.S | SegmentTypeBit.Code)) == (AccessRights.S | SegmentTypeBit.Code);
}
/** Of a code segment. */
@inline export function isConforming(rights: u32): bool { return (rights & SegmentTypeBit.Conforming) != 0; }
@inline export function isConformingCode(rights: u32): bool { return isCodeSegment(rights) && isConforming(rights); }
@inline export function isWritableData(rights: u32): bool {
  return (rights & (AccessRights.S | SegmentTypeBit.Code | SegmentTypeBit.Writable)) == (AccessRights.S | SegmentTypeBit.Writable);
}
/** Code or data that can be read. */
@inline export function isReadable(rights: u32): bool {
  return (rights & AccessRights.S) != 0 && ((rights & SegmentTypeBit.Code) == 0 || (rights & SegmentTypeBit.Readable) != 0);
}
/** L and D at once, which no code segment of IA-32e mode may have. */
@inline export function hasBothSizes(rights: u32): bool {
  return (rights & (AccessRights.L | AccessRights.Db)) == (AccessRights.L | AccessRights.Db);
}
