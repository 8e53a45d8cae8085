// SPDX-License-Identifier: LGPL-2.1-only
// Fields of more than one bit, named by their masks; the shift of a mask that is a constant costs nothing.

/** A number at its place in a word: at the bits of `mask`. */
@inline export function inField(mask: u64, value: u64): u64 { return value << ctz<u64>(mask); }
/** The number in a field of a word. */
@inline export function fieldOf(mask: u32, word: u32): u32 { return (word & mask) >> ctz<u32>(mask); }
