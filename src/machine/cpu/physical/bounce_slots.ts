// SPDX-License-Identifier: LGPL-2.1-only
// Slots for operands that are not in one piece of RAM: their bytes in BOUNCE, and where these belong in BOUNCE_WORDS.
import { BOUNCE, BOUNCE_WORDS } from "../generated/layout";

/** The number of slots, the bytes of one, and the bytes of its description. */
@inline export const BOUNCE_SLOTS: u32 = 4;
@inline export const SLOT_BYTES: usize = 16;
@inline export const SLOT_WORD_BYTES: usize = 32;
/** A description: physical addresses of the two pieces, bytes of the operand and of its first piece. */
@inline export const SLOT_FIRST: usize = 0;
@inline export const SLOT_SECOND: usize = 8;
@inline export const SLOT_SIZE: usize = 16;
@inline export const SLOT_IN_FIRST: usize = 20;
/** True for the place of an operand in a slot. */
@inline export function isBounced(host: usize): bool { return host - BOUNCE < <usize>BOUNCE_SLOTS * SLOT_BYTES; }
/** The description of the slot of such an operand. */
@inline export function slotWords(host: usize): usize {
  return BOUNCE_WORDS + (host - BOUNCE) / SLOT_BYTES * SLOT_WORD_BYTES;
}
