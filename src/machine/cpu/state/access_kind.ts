// SPDX-License-Identifier: LGPL-2.1-only
// What an access is: the words that page walks, TLBs and the slow paths share.

/** Kinds of access. */
@inline export const READ: u32 = 0;
@inline export const WRITE: u32 = 1;
/** A read-modify-write: the old value is wanted, the page must be writable. */
@inline export const READ_WRITE: u32 = 2;
@inline export const FETCH: u32 = 4;
/** CLFLUSH and its relatives: as a read, and execute-only segments allow it too. */
@inline export const FLUSH: u32 = 8;
/** Contexts of an access: index of the data TLB. SUPERVISOR also serves implicit accesses to system structures. */
@inline export const SUPERVISOR: u32 = 0;
@inline export const USER: u32 = 1;
/** Supervisor accesses while EFLAGS.AC suspends SMAP. */
@inline export const SUPERVISOR_AC: u32 = 2;

/** The bits of an address that name its page. */
@inline export const PAGE: u64 = 0xfffffffffffff000;
/**
 * Part of an address outside 64-bit mode, where linear addresses have 32 bits: the access must check the segment ACCESS_SEGMENT although
 * the segments of the mode are flat. The address hits no TLB tag.
 */
@inline export const SEGMENT_CHECK: u64 = 0x4000000000000000;
/** No tag, no address. */
@inline export const NONE: u64 = 0xffffffffffffffff;
