// SPDX-License-Identifier: LGPL-2.1-only
// Words of the processor that a guest seldom changes: a VM exit compares them with what they were at the exit before, so that the engine
// saves them field by field only then. SDM 3C "Saving Guest State".
import {
  COLD_CONTROLS, COLD_TABLES, CR0, CR3, DEBUGCTL, DR7, EFER, ES_BASE, EXIT_COLD_CHANGED, EXIT_COLD_COPY,
  INTERRUPTIBILITY, PAT, SYSENTER_CS, SYSENTER_EIP,
  SYSENTER_ESP,
} from "../generated/layout";

/** The bits in which 8 bytes differ from their copy. */
@inline function difference(word: usize, copy: usize): u64 { return load<u64>(word) ^ load<u64>(copy); }
/** The same of 16 bytes. */
@inline function difference16(word: usize, copy: usize): v128 { return v128.xor(v128.load(word), v128.load(copy)); }

/** Segment and table registers are one run of words, from ES_BASE up to CR0. */
@inline const TABLE_BYTES: usize = CR0 - ES_BASE;
@inline const REST_COPY: usize = EXIT_COLD_COPY + TABLE_BYTES;
@inline const CONTROL_COPY: usize = REST_COPY + 56;

/** Sets EXIT_COLD_CHANGED, and renews the copies of what has changed. */
export function compareColdState(): void {
  let wide = difference16(ES_BASE, EXIT_COLD_COPY), at: usize = 16;
  for (; at <= TABLE_BYTES - 16; at += 16) wide = v128.or(wide, difference16(ES_BASE + at, EXIT_COLD_COPY + at));
  let tables: u64 = 0;
  for (; at < TABLE_BYTES; at += 8) tables |= difference(ES_BASE + at, EXIT_COLD_COPY + at);
  tables |= difference(DR7, REST_COPY) | difference(EFER, REST_COPY + 8) | difference(PAT, REST_COPY + 16);
  tables |= difference(DEBUGCTL, REST_COPY + 24) | difference(SYSENTER_CS, REST_COPY + 32);
  tables |= difference(SYSENTER_ESP, REST_COPY + 40) | difference(SYSENTER_EIP, REST_COPY + 48);
  // INTERRUPTIBILITY and ACTIVITY are neighbours, and so are CR3 and CR4.
  const controls = difference(CR0, CONTROL_COPY) | difference(INTERRUPTIBILITY, CONTROL_COPY + 8);
  wide = v128.or(wide, i64x2.splat(tables));
  const differ = v128.any_true(v128.or(difference16(CR3, CONTROL_COPY + 16), i64x2.splat(controls)));
  const changed = (v128.any_true(wide) ? COLD_TABLES : 0) | (differ ? COLD_CONTROLS : 0);
  store<u32>(EXIT_COLD_CHANGED, changed);
  if (changed & COLD_TABLES) renewTables();
  if (changed & COLD_CONTROLS) renewControls();
}

@inline function renew(word: usize, copy: usize): void { store<u64>(copy, load<u64>(word)); }
function renewTables(): void {
  memory.copy(EXIT_COLD_COPY, ES_BASE, TABLE_BYTES);
  renew(DR7, REST_COPY);
  renew(EFER, REST_COPY + 8);
  renew(PAT, REST_COPY + 16);
  renew(DEBUGCTL, REST_COPY + 24);
  renew(SYSENTER_CS, REST_COPY + 32);
  renew(SYSENTER_ESP, REST_COPY + 40);
  renew(SYSENTER_EIP, REST_COPY + 48);
}
function renewControls(): void {
  renew(CR0, CONTROL_COPY);
  renew(INTERRUPTIBILITY, CONTROL_COPY + 8);
  memory.copy(CONTROL_COPY + 16, CR3, 16);
}
