// SPDX-License-Identifier: LGPL-2.1-only
// Words of the processor that a guest seldom changes: a VM exit compares them with what they were at the exit before, so that the engine
// saves them field by field only then. SDM 3C "Saving Guest State".
import {
  COLD_CONTROLS, COLD_TABLES, CR0, CR3, DEBUGCTL, DR7, EFER, ES_BASE, EXIT_COLD_CHANGED, EXIT_COLD_COPY,
  INTERRUPTIBILITY, PAT, SYSENTER_CS, SYSENTER_EIP,
  SYSENTER_ESP,
} from "../generated/layout";

/** Compares 8 bytes with their copy and renews it. @returns the bits that differ. */
@inline function renew(word: usize, copy: usize): u64 {
  const now = load<u64>(word), before = load<u64>(copy);
  store<u64>(copy, now);
  return now ^ before;
}
/** The same of 16 bytes. */
@inline function renew16(word: usize, copy: usize): v128 {
  const now = v128.load(word), before = v128.load(copy);
  v128.store(copy, now);
  return v128.xor(now, before);
}

/** Segment and table registers are one run of words, from ES_BASE up to CR0. */
@inline const TABLE_BYTES: usize = CR0 - ES_BASE;
@inline const CONTROL_COPY: usize = EXIT_COLD_COPY + TABLE_BYTES + 56;

/** Sets EXIT_COLD_CHANGED. */
export function compareColdState(): void {
  let wide = renew16(ES_BASE, EXIT_COLD_COPY), at: usize = 16;
  for (; at <= TABLE_BYTES - 16; at += 16) wide = v128.or(wide, renew16(ES_BASE + at, EXIT_COLD_COPY + at));
  let tables: u64 = 0;
  for (; at < TABLE_BYTES; at += 8) tables |= renew(ES_BASE + at, EXIT_COLD_COPY + at);
  const rest = EXIT_COLD_COPY + TABLE_BYTES;
  tables |= renew(DR7, rest) | renew(EFER, rest + 8) | renew(PAT, rest + 16) | renew(DEBUGCTL, rest + 24);
  tables |= renew(SYSENTER_CS, rest + 32) | renew(SYSENTER_ESP, rest + 40) | renew(SYSENTER_EIP, rest + 48);
  // INTERRUPTIBILITY and ACTIVITY are neighbours, and so are CR3 and CR4.
  const controls = renew(CR0, CONTROL_COPY) | renew(INTERRUPTIBILITY, CONTROL_COPY + 8);
  wide = v128.or(wide, i64x2.splat(tables));
  const differ = v128.any_true(v128.or(renew16(CR3, CONTROL_COPY + 16), i64x2.splat(controls)));
  store<u32>(EXIT_COLD_CHANGED, (v128.any_true(wide) ? COLD_TABLES : 0) | (differ ? COLD_CONTROLS : 0));
}
